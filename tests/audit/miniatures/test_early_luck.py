"""Early luck: an anchor baseline removes it, in a short run."""

from creditlib.audit.subject import audited
from creditlib.audit.tasks import wings
from creditlib.audit.training import Training, train


def test_anchors_remove_early_luck():
    training = Training(wings(2, 2.0), 30, 2, 8)
    subjects = [audited("grpo"), audited("gigpo")]
    plain, anchored = train(training, subjects, [[0.2], [0.2]], [0, 1, 2, 3])[:, 0, :, -1]
    assert float(plain.mean()) + 0.05 < float(anchored.mean())
