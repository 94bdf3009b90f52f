"use strict";
// The groups of the page: a list, heat-maps, and the turn that is open. page.html.jinja documents the
// data and the names that tests and links rely on. Texts reach the page as text only.
const data = JSON.parse(document.getElementById("data").textContent);
const byIndex = new Map(data.groups.map((group) => [group.index, group]));
const $ = (id) => document.getElementById(id);
const PAGE = 50, ROWS = 40, STEP = 200; // groups at a time, trajectories of a group at first and at a time
const PEERS = 12, LONG = 2000; // links to peers, characters of a text that is not folded
const SEEN = data.similar ? "from observations this similar" : "from this observation";

function make(tag, attributes = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
    else element.setAttribute(name, value);
  }
  element.append(...children);
  return element;
}

const shown = (x) => (x === null ? "none" : String(x));
const signed = (x) => (x > 0 ? `+${x}` : shown(x));
const count = (n, noun, many = `${noun}s`) => `${n.toLocaleString("en")} ${n === 1 ? noun : many}`;
const creditOf = (trajectory, estimator, turn) => [trajectory.credit[estimator]].flat()[turn] ?? trajectory.credit[estimator];
const linkTo = (group, trajectory, turn) => `#group=${group}&trajectory=${trajectory}&turn=${turn}`;

// The texts of a group are unpacked when they are needed for the first time.
const unpacked = new Map();
async function unpack(packed) {
  const bytes = Uint8Array.from(atob(packed), (sign) => sign.charCodeAt(0));
  const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("deflate-raw"));
  return JSON.parse(await new Response(stream).text());
}
function detailOf(group) {
  if (!unpacked.has(group.index)) unpacked.set(group.index, unpack(group.detail));
  return unpacked.get(group.index);
}

// ---- heat-maps ----

function heatMap(name, turns) {
  const head = make("tr", {}, ...["trajectory", "outcome"].map((each) => make("th", { scope: "col" }, each)),
    ...turns.map((turn) => make("th", { scope: "col" }, make("span", { class: turn % 5 ? "hidden" : "tick" }, turn))));
  return make("div", { class: "scroll" }, make("table", { class: "heat-map", role: "grid", "data-estimator": name },
    make("caption", {}, name), make("thead", {}, head), make("tbody")));
}

function addRows(body, trajectories, limit, estimator, turns) {
  const from = body.rows.length;
  body.append(...trajectories.slice(from, limit).map((trajectory, number) => make("tr", { "data-trajectory": from + number },
    make("th", { scope: "row", title: `${trajectory.id} (${trajectory.place})` }, trajectory.id),
    make("td", { class: "outcome" }, shown(trajectory.outcome)),
    ...turns.map((turn) => cell(trajectory, estimator, turn)))));
  if (!body.querySelector("td[tabindex='0']")) body.querySelector("td[tabindex]")?.setAttribute("tabindex", 0);
}

function cell(trajectory, estimator, turn) {
  if (turn >= trajectory.turns) return make("td", { class: "none", "data-turn": turn });
  const credit = creditOf(trajectory, estimator, turn), out = trajectory.outcome === null;
  const kind = out ? "excluded" : typeof credit !== "number" ? "strange" : credit > 0 ? "plus" : credit < 0 ? "minus" : "zero";
  const words = out ? "takes no part" : `credit ${signed(credit)}`;
  const element = make("td", { class: kind, "data-turn": turn, "data-credit": signed(credit), tabindex: -1,
    "aria-label": `turn ${turn}, ${words}` });
  element.style.setProperty("--size", `${Math.round(100 * Math.min(Math.abs(credit) / data.color, 1)) || 0}%`);
  return element;
}

// Draws the heat-maps of a group up to a number of rows; those that are there stay.
function draw(section, limit = ROWS) {
  const { trajectories } = byIndex.get(Number(section.dataset.group)), place = section.querySelector(".maps");
  const turns = [...Array(Math.max(0, ...trajectories.map((each) => each.turns))).keys()];
  if (!section.classList.contains("drawn")) {
    // Side by side, if the cells are still large enough to be hit.
    const room = (place.clientWidth / data.estimators.length - 164) / (turns.length || 1);
    section.style.setProperty("--cell", `${Math.max(10, Math.min(16, Math.floor(room) - 1))}px`);
    place.append(...data.estimators.map(({ name }) => heatMap(name, turns)), make("button", { type: "button",
      onclick: () => draw(section, section.querySelector("tbody").rows.length + STEP) }));
    section.classList.add("drawn");
  }
  place.querySelectorAll("tbody").forEach((body, estimator) => addRows(body, trajectories, limit, estimator, turns));
  const left = trajectories.length - place.querySelector("tbody").rows.length, button = place.querySelector("button");
  button.hidden = left === 0;
  button.textContent = `Show ${left > STEP ? `${STEP} of ` : ""}${count(left, "more trajectory", "more trajectories")}`;
  markHits(section);
}

const seen = new IntersectionObserver((entries) => {
  for (const { target, isIntersecting } of entries) {
    if (isIntersecting && !target.classList.contains("drawn")) draw(target);
  }
}, { rootMargin: "600px" });

// ---- the list of groups ----

const sections = new Map();
function sectionOf(group) {
  if (!sections.has(group.index)) {
    const id = `group-${group.index}-name`;
    const section = make("section", { class: "group", "data-group": group.index, "aria-labelledby": id },
      make("h3", { id }, make("a", { href: `#group=${group.index}` }, group.name || "(no name)"),
        ...group.tags.map((tag) => make("span", { class: "tag" }, tag))),
      make("p", { class: "facts" }, group.facts), make("div", { class: "maps" }));
    section.style.setProperty("--rows", Math.min(group.trajectories.length, ROWS));
    seen.observe(section);
    sections.set(group.index, section);
  }
  return sections.get(group.index);
}

let hits = null, most = PAGE; // hits of a search: index -> set of "trajectory,turn"

function list() {
  const order = $("sort").value, kind = $("filter").value;
  const found = data.groups.filter((group) => (kind === "all" || group.kinds.includes(kind)) && (!hits || hits.has(group.index)));
  if (order !== "file") found.sort((a, b) => b.order[order] - a.order[order] || a.index - b.index);
  $("groups").replaceChildren(...found.slice(0, most).map(sectionOf));
  $("more").hidden = found.length <= most;
  const turns = hits ? [...hits.values()].reduce((sum, each) => sum + each.size, 0) : 0;
  $("count").textContent = `${found.length.toLocaleString("en")} of ${count(data.groups.length, "group")}`
    + (hits ? `, ${count(turns, "turn")} with this text` : "");
  document.querySelectorAll(".group.drawn").forEach(markHits);
  return found;
}

function markHits(section) {
  const found = hits?.get(Number(section.dataset.group));
  for (const element of section.querySelectorAll("td[data-turn]")) {
    element.classList.toggle("hit", Boolean(found?.has(`${element.parentNode.dataset.trajectory},${element.dataset.turn}`)));
  }
}

let searches = 0, typed;
async function search() {
  const mine = ++searches, wanted = $("search").value.trim().toLowerCase();
  const found = new Map();
  for (const group of wanted ? data.groups : []) {
    const { pieces, turns } = await detailOf(group);
    if (mine !== searches) return;
    const low = pieces.map((piece) => piece.toLowerCase());
    const has = (text) => text.map((piece) => low[piece]).join("").includes(wanted);
    const places = turns.flatMap((row, trajectory) => row.flatMap((turn, number) =>
      turn.slice(0, 3).some(has) ? [`${trajectory},${number}`] : []));
    const names = [group.name, ...group.trajectories.map((each) => each.id)];
    if (places.length || names.some((name) => name.toLowerCase().includes(wanted))) found.set(group.index, new Set(places));
  }
  [hits, most] = [wanted ? found : null, PAGE];
  list();
}

// ---- the open turn ----

const spread = ([mean, std]) => `mean ${shown(mean)}` + (std === null ? "" : `, spread ${shown(std)}`);

// The turns on the page with the observation of a turn, itself among them, as [trajectory, turn].
const peersOf = ({ turns }, turn) => turns.flatMap((row, number) =>
  row.flatMap((each, at) => (turn[4] >= 0 && each[4] === turn[4] ? [[number, at]] : [])));

// What an estimator compared the turn with.
function why(group, trajectory, detail, turn, estimator) {
  const reads = data.estimators[estimator], [met, rows, returns] = detail.peers[turn[4]] ?? [0], parts = [];
  if (trajectory.outcome === null) return "The trajectory has no outcome and takes no part.";
  if (reads.group && group.members === 1) parts.push("No other trajectory of its group takes part.");
  else if (reads.group) parts.push(`Outcome ${shown(trajectory.outcome)}; the ${group.members} outcomes of its group have ${spread([group.mean, group.std])}.`);
  if (reads.anchor && met > 1) {
    parts.push(`Return ${shown(turn[5][estimator])} (gamma ${reads.gamma}); the ${met} turns of ${
      count(rows, "trajectory", "trajectories")} ${SEEN} have ${spread(returns[estimator])}.`);
  } else if (reads.anchor) parts.push(`No other turn of its group starts ${SEEN}.`);
  if (!parts.length) parts.push("It is not compared with its group.");
  return parts.join(" ") + (reads.options && ` Options: ${reads.options}.`);
}

// How many pieces two texts have in common at the start and at the end.
function common(before, now) {
  const least = Math.min(before.length, now.length);
  let start = 0, end = 0;
  while (start < least && before[start] === now[start]) start++;
  while (end < least - start && before.at(-1 - end) === now.at(-1 - end)) end++;
  return [start, end];
}

function textPart(name, title, pieces, ids, before) {
  const part = make("div", { "data-part": name }, make("h3", {}, title));
  const pre = (text) => make("pre", { dir: "auto" }, text), text = (numbers) => numbers.map((number) => pieces[number]).join("");
  const [start, end] = before ? common(before, ids) : [0, 0];
  const fresh = text(ids.slice(start, ids.length - end)), whole = text(ids);
  if (!ids.length) part.append(make("p", {}, "none"));
  else if (fresh) part.append(pre((start ? "… " : "") + fresh.slice(0, LONG).trimEnd() + (fresh.length > LONG || end ? " …" : "")));
  else part.append(make("p", {}, before.length > ids.length ? "Nothing is new, and a part is gone." : "Nothing changed."));
  if (fresh.length > LONG || fresh.length < whole.length) {
    part.append(make("details", {}, make("summary", {}, `All ${whole.length.toLocaleString("en")} characters`), pre(whole)));
  }
  return part;
}

async function openTurn(group, number, k) {
  const trajectory = group.trajectories[number], detail = await detailOf(group);
  const turns = detail.turns[number], turn = turns[k];
  const credits = (row, at) => data.estimators.map((_, each) => signed(creditOf(group.trajectories[row], each, at)));
  const step = (to, words) => (to in turns ? make("a", { href: linkTo(group.index, number, to) }, words) : make("span", { class: "off" }, words));
  const head = ["estimator", "credit", "why"].map((name) => make("th", { scope: "col" }, name));
  const rows = data.estimators.map(({ name }, each) => make("tr", { "data-estimator": name }, make("th", { scope: "row" }, name),
    make("td", { class: "n" }, credits(number, k)[each]), make("td", {}, why(group, trajectory, detail, turn, each))));
  const met = peersOf(detail, turn).filter(([row, at]) => row !== number || at !== k);
  const others = (detail.peers[turn[4]]?.[0] ?? 1) - 1, left = others - Math.min(met.length, PEERS);
  const peers = met.slice(0, PEERS).map(([row, at]) => make("li", {},
    make("a", { href: linkTo(group.index, row, at) }, `trajectory ${group.trajectories[row].id}, turn ${at}`),
    `: credit ${credits(row, at).join(", ")}`));
  if (left) peers.push(make("li", {}, `and ${left.toLocaleString("en")} more`));
  $("turn").replaceChildren(
    make("header", {}, make("h2", { id: "turn-name" }, `Turn ${k} of trajectory ${trajectory.id}`),
      make("button", { type: "button", id: "close", onclick: closeTurn }, "Close")),
    make("p", { class: "facts" }, `Group ${group.name} · ${trajectory.place} · ${count(turns.length, "turn")}`),
    make("nav", { "aria-label": "Turns" }, step(k - 1, "Turn before"), step(k + 1, "Next turn"),
      make("a", { id: "link", href: linkTo(group.index, number, k) }, "Link"),
      make("button", { type: "button", id: "copy", onclick: copyLink }, "Copy link")),
    make("div", { "data-part": "credit", class: "scroll" },
      make("table", {}, make("thead", {}, make("tr", {}, ...head)), make("tbody", {}, ...rows))),
    textPart("observation", k ? "Observation: what is new" : "Observation", detail.pieces, turn[0], k ? turns[k - 1][0] : null),
    textPart("action", "Action", detail.pieces, turn[1].length ? turn[1] : turn[2], null),
    make("p", { "data-part": "reward" }, `Reward of this turn ${shown(turn[3])} · outcome ${shown(trajectory.outcome)}`),
    make("div", { "data-part": "peers" }, make("h3", {}, `Other turns ${SEEN}: ${others.toLocaleString("en")}`), make("ul", {}, ...peers)));
  $("turn").hidden = false;
  document.body.classList.add("with-turn");
}

function closeTurn() {
  const selected = document.querySelector("td[aria-selected=true]");
  $("turn").hidden = true;
  document.body.classList.remove("with-turn");
  if (selected) history.replaceState(null, "", `#group=${selected.closest(".group").dataset.group}`);
  selected?.focus();
}

async function copyLink() {
  const done = await navigator.clipboard?.writeText(location.href).then(() => true, () => false);
  $("copy").textContent = done ? "Copied" : "Not allowed: copy the address";
}

// Opens what the address names: a group, or a turn of it.
async function follow() {
  const place = new URLSearchParams(location.hash.slice(1));
  if (!place.has("group")) return;
  const group = byIndex.get(Number(place.get("group"))), number = Number(place.get("trajectory")), turn = Number(place.get("turn"));
  if (!group || (place.has("turn") && !(turn in Array(group.trajectories[number]?.turns ?? 0).fill()))) {
    $("count").textContent = "The address names a turn that is not on this page.";
    return;
  }
  const section = sectionOf(group);
  if (!section.isConnected) {
    [$("filter").value, $("search").value, hits] = ["all", "", null];
    most = PAGE * Math.ceil((list().indexOf(group) + 1) / PAGE);
    list();
  }
  draw(section, Math.max(ROWS, number + 1 || 0));
  document.querySelectorAll("[aria-selected]").forEach((each) => each.removeAttribute("aria-selected"));
  if (!place.has("turn")) return section.scrollIntoView();
  const cells = section.querySelectorAll(`[data-trajectory="${number}"] > [data-turn="${turn}"]`);
  cells.forEach((each) => each.setAttribute("aria-selected", "true"));
  await openTurn(group, number, turn);
  cells[0].scrollIntoView({ block: "nearest" });
  $("turn").focus();
}

// ---- what the reader does ----

const MOVES = { ArrowLeft: [0, -1], ArrowRight: [0, 1], ArrowUp: [-1, 0], ArrowDown: [1, 0], Home: [0, -1e9], End: [0, 1e9] };
const cellOf = (event) => event.target.closest("td[data-turn]:not(.none)");

function openCell(td) {
  const link = linkTo(td.closest(".group").dataset.group, td.parentNode.dataset.trajectory, td.dataset.turn);
  if (location.hash === link) follow();
  else location.hash = link;
}

function onKey(event) {
  const from = cellOf(event), move = MOVES[event.key];
  if (!from || !(move || event.key === "Enter" || event.key === " ")) return;
  event.preventDefault();
  if (!move) return openCell(from);
  const rows = [...from.closest("tbody").rows].map((row) => [...row.querySelectorAll("td[tabindex]")]);
  let row = rows.findIndex((cells) => cells.includes(from)) + move[0];
  while (rows[row]?.length === 0) row += move[0];
  const to = rows[row]?.[Math.max(0, Math.min(Number(from.dataset.turn) + move[1], rows[row].length - 1))] ?? from;
  [from.tabIndex, to.tabIndex] = [-1, 0];
  to.focus();
}

$("groups").addEventListener("click", (event) => cellOf(event) && openCell(cellOf(event)));
$("groups").addEventListener("keydown", onKey);
document.addEventListener("keydown", (event) => event.key === "Escape" && !$("turn").hidden && closeTurn());
$("controls").addEventListener("submit", (event) => event.preventDefault());
for (const name of ["sort", "filter"]) $(name).addEventListener("change", () => { most = PAGE; list(); });
$("search").addEventListener("input", () => { clearTimeout(typed); typed = setTimeout(search, 200); });
$("numbers").addEventListener("change", (event) => document.body.classList.toggle("with-numbers", event.target.checked));
$("more").addEventListener("click", () => { most += PAGE; list(); });
addEventListener("hashchange", follow);
addEventListener("beforeprint", () => document.querySelectorAll(".group:not(.drawn)").forEach((section) => draw(section)));
list();
if ("DecompressionStream" in window) follow();
else $("count").textContent = "This browser is too old to unpack the texts of turns.";
