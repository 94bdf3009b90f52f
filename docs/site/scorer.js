// How the results of a search are ordered: the numbers of Sphinx, and pages for visitors before records.
var Scorer = {
  score: ([page, , , , score]) => {
    if (/^(decisions\/\d|changelog|conformance|performance|papers|trainers\/runs)/.test(page)) return score - 2;
    if (/^(vocabulary|which_estimator)$/.test(page)) return score + 1;
    return score;
  },
  objNameMatch: 11,
  objPartialMatch: 6,
  objPrio: { 0: 15, 1: 5, 2: -5 },
  objPrioDefault: 0,
  title: 15,
  partialTitle: 7,
  term: 5,
  partialTerm: 2,
};
