"""Whether hamnet's property models differ from classical methods by more than
chance: a paired bootstrap over the test rows of a split.

    python3 models/paired.py DATA DATASET SPLIT < PREDICTIONS.csv

reads what the row `ours` predicts for the test rows (row,target,value), fits the
classical method that baselines.py chose on that split once more, and prints

    dataset,split,metric,n_test,ours,classical,gain,low,high

gain is by how much ours is better in the metric, low and high the ends of its
95 % interval: both predictions are scored on the same 10,000 resamples of the
molecules, several tasks by the mean of their areas. It tells what another draw of
as many test molecules might have shown, not what other training rows or another
seed would. Needs what baselines.py needs. models/paired.sh calls this.
"""
import csv
import sys

import numpy as np
from rdkit import RDLogger

import baselines

RESAMPLES = 10_000
AT_ONCE = 500  # resamples whose weights are in memory together


def stored_method(path, dataset, split):
    """The classical method that was best on the validation part, and its score on the test part."""
    with open(path, newline="") as file:
        for line in csv.DictReader(file):
            if (line["dataset"], line["split"], line["method"]) == (dataset, split, "classical"):
                return line["setting"].split(":")[0], float(line["test"])
    sys.exit(f"{path} has no classical method of {dataset} {split}: run baselines.py first")


def classical_predictions(data, dataset, split, method):
    """Rows, labels (NaN: not measured) and predictions of the test part; the latter two n × tasks."""
    metric, with_descriptors = baselines.DATASETS[dataset][2:4]
    molecules, y, table = baselines.read(data, dataset)
    part = np.array([row[split] for row in table])
    x = baselines.inputs(baselines.counts_of(molecules), baselines.descriptors_of(molecules) if with_descriptors else None, part == "train")
    test = np.flatnonzero(part == "test")
    predicted = np.empty((len(test), y.shape[1]))
    for task in range(y.shape[1]):
        train, valid = (np.flatnonzero((part == p) & ~np.isnan(y[:, task])) for p in ("train", "valid"))
        predicted[:, task] = baselines.choose(method, metric, x, y[:, task], train, valid)[2](test)
    return [table[k]["row"] for k in test], y[test], predicted


def read_predictions(file, rows, labels):
    """The same of ours, n × tasks: columns in the order of the labels, which are the targets' own in a table of several."""
    value, targets = {}, []
    for line in csv.DictReader(file):
        value[line["row"], line["target"]] = float(line["value"])
        if line["target"] not in targets:
            targets.append(line["target"])
    if len(labels) > 1:
        targets = labels
    if len(targets) != len(labels):
        sys.exit(f"predictions of {', '.join(targets)}, where one is expected")
    return np.array([[value[row, target] for target in targets] for row in rows])


def weighted_auc(y, predicted, weights):
    """Areas under the ROC curve for each line of weights; equal predictions count half. NaN without both classes."""
    order = np.argsort(predicted, kind="stable")
    starts = np.flatnonzero(np.r_[True, np.diff(predicted[order]) > 0])
    active, inactive = (np.add.reduceat(weights[:, order] * side[order], starts, axis=1) for side in (y, 1 - y))
    below = np.cumsum(inactive, axis=1) - inactive
    with np.errstate(invalid="ignore"):
        return (active * (below + inactive / 2)).sum(axis=1) / (active.sum(axis=1) * inactive.sum(axis=1))


def scores(metric, y, predicted, weights):
    """The metric for each line of weights (resamples × n), over tasks the mean of those that can be scored."""
    of_tasks = []
    for task in range(y.shape[1]):
        labelled = ~np.isnan(y[:, task])
        w, t, p = weights[:, labelled].astype(float), y[labelled, task], predicted[labelled, task]
        of_tasks.append(np.sqrt(w @ (t - p) ** 2 / w.sum(axis=1)) if metric == "rmse" else weighted_auc(t, p, w))
    return np.nanmean(of_tasks, axis=0)


def gains(metric, y, ours, classical):
    """By how much ours is better on each resample; the same resamples for every model, whenever it is called."""
    random = np.random.default_rng(0)
    n = len(y)
    out = []
    for _ in range(RESAMPLES // AT_ONCE):
        weights = random.multinomial(n, np.full(n, 1 / n), size=AT_ONCE)
        out.append(scores(metric, y, ours, weights) - scores(metric, y, classical, weights))
    return np.concatenate(out) * (-1 if metric == "rmse" else 1)


def main(data, dataset, split):
    RDLogger.DisableLog("rdApp.*")
    labels, metric = baselines.DATASETS[dataset][1:3]
    method, stored = stored_method("models/results/baselines.csv", dataset, split)
    rows, y, classical = classical_predictions(data, dataset, split, method)
    ours = read_predictions(sys.stdin, rows, labels)
    once = np.ones((1, len(rows)))
    a, b = (scores(metric, y, p, once)[0] for p in (ours, classical))
    if abs(b - stored) > 1e-4:
        sys.exit(f"{dataset} {split}: {method} has {b:.5f} now, {stored:.5f} in baselines.csv")
    low, high = np.percentile(gains(metric, y, ours, classical), (2.5, 97.5))
    gain = b - a if metric == "rmse" else a - b
    print(dataset, split, metric, len(rows), *(f"{v:.5f}" for v in (a, b, gain, low, high)), sep=",")


if __name__ == "__main__":
    if len(sys.argv) != 4:
        sys.exit(__doc__)
    main(*sys.argv[1:])
