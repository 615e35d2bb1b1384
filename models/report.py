#!/usr/bin/env python3
"""Write models/REPORT.md from the stored results, models/results/*.csv.

    python3 models/report.py [RESULTS [REPORT.md]]

Everything the report says about results is computed here from those files, and
what they do not hold is "not run". A line that is not as it must be is an error.
"""
import csv
import glob
import hashlib
import os
import re
import statistics
import sys

RANDOM = [f"random{k}" for k in range(5)]
SPLITS = RANDOM + ["scaffold"]

# Name, what is predicted, metric, random splits of the tables, and the goals
# for random splits and scaffold, which were set before these models were made.
DATASETS = {
    "esol": ("ESOL", "solubility in water, log10 mol/L", "rmse", RANDOM, 0.48, 0.78),
    "freesolv": ("FreeSolv", "free energy of hydration, kcal/mol", "rmse", RANDOM, 0.85, 1.80),
    "lipophilicity": ("Lipophilicity", "logD at pH 7.4", "rmse", RANDOM, 0.54, 0.63),
    "bbbp": ("BBBP", "passes the blood-brain barrier", "roc_auc", RANDOM, 0.945, 0.76),
    "tox21": ("Tox21", "12 toxicity assays, mean of their areas", "roc_auc", RANDOM, 0.87, 0.79),
    "hiv": ("HIV", "inhibits HIV replication", "roc_auc", RANDOM[:3], 0.86, 0.80),
    "qm9": ("QM9", "12 computed quantities of small molecules", "rmse", RANDOM[:1], None, None),
}
QM9_UNITS = {"mu": "D", "alpha": "bohr³", "homo": "hartree", "lumo": "hartree", "gap": "hartree", "r2": "bohr²",
             "zpve": "hartree", "u0": "hartree", "u298": "hartree", "h298": "hartree", "g298": "hartree",
             "cv": "cal/(mol K)"}
METRICS = {"rmse": "RMSE", "roc_auc": "ROC-AUC"}
# The best classical method as it was measured on these splits before, when the
# goals were set: random splits, scaffold.
REFERENCE = {
    "esol": ("0.509 ± 0.044", "0.835"), "freesolv": ("0.959 ± 0.176", "1.953"), "lipophilicity": ("0.576 ± 0.029", "0.655"),
    "bbbp": ("0.935 ± 0.018, forest 0.940", "0.740"), "tox21": ("0.858 ± 0.007", "0.775"), "hiv": ("0.843 ± 0.037, random0 0.804", "0.787"),
}
# Rows that every table has, run or not.
VARIANTS = ["ours", "engine off", "single member"]
METHODS = {"classical": "classical (best on validation)", "rf": "random forest", "svm": "support vector machine",
           "boosting": "gradient boosting"}
TUNED = {"hiv": ["rf"], "tox21": ["rf"]}
NOT_RUN = "not run"

# Columns of the files: a column's pattern is what its whole field must match.
NUMBER = r"-?\d+(\.\d+)?([eE][-+]?\d+)?"
COUNT = r"\d+"
TEXT = r"[^\n]+"
DATASET = "|".join(DATASETS)
SPLIT = "|".join(SPLITS)
FILES = {
    "properties": {"dataset": DATASET, "split": SPLIT, "variant": TEXT,
                   "metric": r"rmse|mae|r2|roc_auc|pr_auc|spearman|coverage_90|novelty_median|trunk_seconds|(rmse|roc_auc)_novelty_(to|above)_1",
                   "target": r"[^\n]*", "value": NUMBER, "n": COUNT, "train_seconds": NUMBER, "predict_seconds": NUMBER,
                   "train_mib": NUMBER, "predict_mib": NUMBER, "options": r"\{.*\}", "model": "[0-9a-f]{64}",
                   "commit": r"[0-9a-f]{7,40}\+?|unknown", "date": r"\d{4}-\d\d-\d\d"},
    "baselines": {"dataset": DATASET, "split": SPLIT, "method": "|".join(METHODS), "metric": "|".join(METRICS), "valid": NUMBER,
                  "test": NUMBER, "n_test": COUNT, "setting": TEXT, "seconds": NUMBER},
    "paired": {"dataset": DATASET, "split": SPLIT, "metric": "|".join(METRICS), "n_test": COUNT, "ours": NUMBER, "classical": NUMBER,
               "gain": NUMBER, "low": NUMBER, "high": NUMBER},
    "trials": {"dataset": DATASET, "split": SPLIT, "variant": TEXT, "metric": "|".join(METRICS), "target": TEXT, "value": NUMBER,
               "n": COUNT, "note": TEXT, "commit": r"[0-9a-f]{7,40}\+?|unknown", "date": r"\d{4}-\d\d-\d\d"},
    "trees": {"variant": TEXT, "task": TEXT, "metric": "mae|roc_auc|pr_auc|spearman", "value": NUMBER, "splits": COUNT},
    "retrieval": {"dataset": TEXT, "fingerprint": TEXT, "distance": TEXT, "queries": COUNT, "neighbours": COUNT, "active": NUMBER,
                  "chance": NUMBER, "molecules": COUNT, "actives": COUNT, "model": "[0-9a-f]{64}|-",
                  "commit": r"[0-9a-f]{7,40}\+?|unknown", "date": r"\d{4}-\d\d-\d\d"},
    "splits": {"dataset": DATASET, "split": SPLIT, "train": COUNT, "valid": COUNT, "test": COUNT, "repeated": COUNT},
    "explanations": {"property": TEXT, "test": "deletion|raising|lowering|crippen|polar|alert|spelling|milliseconds", "value": NUMBER,
                     "random": f"({NUMBER})?", "molecules": COUNT, "model": "[0-9a-f]{64}", "commit": r"[0-9a-f]{7,40}\+?|unknown",
                     "date": r"\d{4}-\d\d-\d\d"},
    "search": {"judge": TEXT, "set": TEXT, "vector": TEXT, "distance": r"[^\n]*", "value": NUMBER, "n": COUNT},
    "fewshot": {"model": TEXT, "assay": TEXT, "labels": COUNT, "draw": COUNT, "n": COUNT, "gain": NUMBER},
    "ablation": {"variant": TEXT, "judge": TEXT, "set": TEXT, "value": NUMBER},
    "base": {"key": TEXT, "value": TEXT, "note": r"[^\n]*"},
}
# What may stand in a file only once.
KEYS = {"properties": ("dataset", "split", "variant", "metric", "target"), "baselines": ("dataset", "split", "method"),
        "paired": ("dataset", "split"), "trials": ("dataset", "split", "variant", "target"), "trees": ("variant", "task"),
        "retrieval": ("dataset", "fingerprint", "distance"),
        "splits": ("dataset", "split"), "explanations": ("property", "test"), "search": ("judge", "set", "vector", "distance"),
        "fewshot": ("model", "assay", "labels", "draw"), "ablation": ("variant", "judge", "set"), "base": ("key",)}
# What must be the same in all lines of a run.
RUN = ("train_seconds", "predict_seconds", "train_mib", "predict_mib", "options", "model")


class Malformed(Exception):
    pass


def read(folder, name):
    """The checked lines of a file, as dictionaries; none if there is no file."""
    path = f"{folder}/{name}.csv"
    if not os.path.exists(path):
        return []
    columns, seen, lines = FILES[name], {}, []
    with open(path, newline="", encoding="utf-8") as file:
        reader = csv.reader(file)
        header = next(reader, None)
        if header != list(columns):
            raise Malformed(f"{path}: the header is not {','.join(columns)}")
        for fields in reader:
            where = f"{path}, line {reader.line_num}"
            if len(fields) != len(columns):
                raise Malformed(f"{where}: {len(fields)} fields, not {len(columns)}")
            for (column, pattern), field in zip(columns.items(), fields):
                if not re.fullmatch(pattern, field):
                    raise Malformed(f"{where}: {column} is \"{field}\"")
            line = dict(zip(columns, fields))
            key = tuple(line[column] for column in KEYS[name])
            if key in seen:
                raise Malformed(f"{where}: the same row as line {seen[key]}")
            seen[key] = reader.line_num
            lines.append(line)
    return lines


class Results:
    """The stored figures, by what they are looked up by."""

    def __init__(self, folder):
        self.figures, self.runs, self.variants = {}, {}, {}
        for line in read(folder, "properties"):
            row = (line["dataset"], line["split"], line["variant"])
            self.figures[row + (line["metric"], line["target"])] = (float(line["value"]), int(line["n"]))
            run = {column: line[column] for column in RUN}
            if self.runs.setdefault(row, run) != run:
                raise Malformed(f"{folder}/properties.csv: lines of {' '.join(row)} are of two runs")
            self.variants.setdefault(line["dataset"], {})[line["variant"]] = True
        self.baselines = {(line["dataset"], line["split"], line["method"]): line for line in read(folder, "baselines")}
        for (dataset, *_), line in self.baselines.items():
            if line["metric"] != DATASETS[dataset][2]:
                raise Malformed(f"{folder}/baselines.csv: {dataset} is measured by {DATASETS[dataset][2]}")
        self.paired = {(line["dataset"], line["split"]): line for line in read(folder, "paired")}
        self.check_paired(folder)
        self.trials = read(folder, "trials")
        self.trees = read(folder, "trees")
        self.retrieval = read(folder, "retrieval")
        self.splits = {(line["dataset"], line["split"]): line for line in read(folder, "splits")}
        self.explanations = read(folder, "explanations")
        self.search = read(folder, "search")
        self.fewshot = read(folder, "fewshot")
        self.ablation = read(folder, "ablation")
        self.base = read(folder, "base")

    def check_paired(self, folder):
        """Intervals are of the very figures that the other files hold."""
        for (dataset, split), line in self.paired.items():
            for column, value in (("ours", self.value(dataset, split, "ours")), ("classical", self.baseline(dataset, split, "classical"))):
                if value is None or abs(float(line[column]) - value) > 1e-4:
                    raise Malformed(f"{folder}/paired.csv: {column} of {dataset} {split} is {line[column]}, "
                                    f"but {NOT_RUN if value is None else value} elsewhere")

    def targets(self, dataset):
        """Targets of a data set that were measured, without the mean over them."""
        return sorted({key[4] for key in self.figures if key[0] == dataset and key[3] in METRICS and key[4] != "mean"})

    def variants_of(self, dataset):
        return VARIANTS + sorted(v for v in self.variants.get(dataset, {}) if v not in VARIANTS)

    def value(self, dataset, split, variant, metric=None, target=None):
        """A figure, None if it was not run. Without a target: the mean over targets where there is one."""
        metric = metric or DATASETS[dataset][2]
        if target is None:
            if (dataset, split, variant, metric, "mean") in self.figures:
                target = "mean"
            else:
                found = [t for t in self.targets(dataset) if (dataset, split, variant, metric, t) in self.figures]
                if len(found) != 1:
                    return None
                target = found[0]
        figure = self.figures.get((dataset, split, variant, metric, target))
        return figure[0] if figure else None

    def baseline(self, dataset, split, method):
        line = self.baselines.get((dataset, split, method))
        return float(line["test"]) if line else None


def known(values):
    return [v for v in values if v is not None]


def number(value, digits=3):
    return NOT_RUN if value is None else f"{value:.{digits}f}"


def spread(values, digits=3):
    """Mean ± standard deviation (n - 1); says so where some of the values are missing."""
    found = known(values)
    if not found:
        return NOT_RUN
    text = f"{statistics.mean(found):.{digits}f}"
    if len(found) > 1:
        text += f" ± {statistics.stdev(found):.{digits}f}"
    if len(found) < len(values):
        text += f" ({len(found)} of {len(values)})"
    return text


def is_better(metric, a, b):
    return a < b if metric == "rmse" else a > b


def table(header, rows):
    lines = ["| " + " | ".join(header) + " |", "|" + "---|" * len(header)]
    return lines + ["| " + " | ".join(row) + " |" for row in rows]


def compared(results, dataset, other):
    """On which of the splits that both have `ours` is better than other(split), and the mean gain."""
    metric = DATASETS[dataset][2]
    wins, losses, gains = [], [], []
    for split in DATASETS[dataset][3] + ["scaffold"]:
        a, b = results.value(dataset, split, "ours"), other(split)
        if a is None or b is None:
            continue
        (wins if is_better(metric, a, b) else losses).append(split)
        gains.append(b - a if metric == "rmse" else a - b)
    return wins, losses, gains


def verdict(metric, values, goal):
    """The mean of the values that are known against a goal."""
    found = known(values)
    shown = f"{'≤' if metric == 'rmse' else '≥'} {goal}: "
    if not found:
        return shown + NOT_RUN
    mean = statistics.mean(found)
    shown += "reached" if mean == goal or is_better(metric, mean, goal) else f"missed by {abs(mean - goal):.3f}"
    return shown + (f" on {len(found)} of {len(values)}" if len(found) < len(values) else "")


def summary(results):
    rows = []
    for dataset, (name, _, metric, seeds, goal, scaffold_goal) in DATASETS.items():
        if goal is None:
            continue
        ours, classical = ([get(dataset, s, row) for s in seeds + ["scaffold"]]
                           for get, row in ((results.value, "ours"), (results.baseline, "classical")))
        _, _, gains = compared(results, dataset, lambda s, d=dataset: results.baseline(d, s, "classical"))
        rows.append([f"{name}, {METRICS[metric]}", spread(ours[:-1]), spread(classical[:-1]), REFERENCE[dataset][0],
                     verdict(metric, ours[:-1], goal), number(ours[-1]), number(classical[-1]), REFERENCE[dataset][1],
                     verdict(metric, ours[-1:], scaffold_goal),
                     f"{sum(gain > 0 for gain in gains)} of {len(gains)}" if gains else NOT_RUN])
    return ["## At a glance", "",
            "Root mean square errors, the smaller the better, and areas under the ROC curve, the larger the better, on test rows.",
            "Goals were set before these models were made; over several random splits, the mean is compared. Reference: the best classical method as it",
            "was measured on the same splits when the goals were set.", ""] + table(
                ["", "ours, random", "classical", "reference", "goal", "ours, scaffold", "classical", "reference", "goal",
                 "splits on which ours beats classical"], rows)


def dataset_section(results, dataset):
    name, what, metric, seeds, _, _ = DATASETS[dataset]
    sizes = [results.splits.get((dataset, s)) for s in seeds + ["scaffold"]]
    lines = ["", f"### {name}", "", f"{what[0].upper()}{what[1:]}. {METRICS[metric]}."]
    if sizes[0]:
        repeated = sorted({int(s["repeated"]) for s in sizes[:-1] if s})
        lines[-1] += f" Rows of train, valid, test: {sizes[0]['train']}, {sizes[0]['valid']}, {sizes[0]['test']}."
        if repeated != [0]:
            span = f"{repeated[0]}" if len(repeated) == 1 else f"{repeated[0]} to {repeated[-1]}"
            lines[-1] += f" {span} test rows of a random split have a structure that also stands in its train or valid."
    lines.append("")
    if dataset == "qm9":
        return lines + qm9_table(results)
    header = [""] + seeds + ["mean ± std", "scaffold"]
    rows = []
    for variant in results.variants_of(dataset):
        values = [results.value(dataset, s, variant) for s in seeds]
        rows.append([variant] + [number(v) for v in values] + [spread(values), number(results.value(dataset, "scaffold", variant))])
    for method, label in METHODS.items():
        if method != "classical" and dataset in TUNED and method not in TUNED[dataset]:
            continue
        values = [results.baseline(dataset, s, method) for s in seeds]
        rows.append([label] + [number(v) for v in values] + [spread(values), number(results.baseline(dataset, "scaffold", method))])
    lines += table(header, rows)
    lines.append("")
    for label, other in (("classical", lambda s: results.baseline(dataset, s, "classical")),
                         ("engine off", lambda s: results.value(dataset, s, "engine off")),
                         ("single member", lambda s: results.value(dataset, s, "single member"))):
        wins, losses, gains = compared(results, dataset, other)
        if not gains:
            lines.append(f"- Ours against {label}: {NOT_RUN}.")
            continue
        said = f"- Ours is better than {label} on {len(wins)} of {len(gains)} splits, "
        mean = statistics.mean(gains)
        said += f"on average by {mean:.3f}" if mean > 0 else f"on average worse by {-mean:.3f}" if mean < 0 else "on average equal"
        lines.append(said + ("; not on " + ", ".join(losses) if losses and wins else "") + ".")
    if len(results.targets(dataset)) > 1:
        lines += [""] + task_table(results, dataset)
    return lines


def task_table(results, dataset):
    metric, seeds = DATASETS[dataset][2], DATASETS[dataset][3]
    rows = [[target, spread([results.value(dataset, s, "ours", metric, target) for s in seeds]),
             number(results.value(dataset, "scaffold", "ours", metric, target))] for target in results.targets(dataset)]
    return ["Ours, each target:", ""] + table(["", "random", "scaffold"], rows)


def qm9_table(results):
    variants = results.variants_of("qm9")
    rows = []
    for target, unit in QM9_UNITS.items():
        row = [f"{target}, {unit}"]
        for variant in variants:
            for split in ("random0", "scaffold"):
                value = results.value("qm9", split, variant, "rmse", target)
                row.append(NOT_RUN if value is None else f"{value:.4g}")
        rows.append(row)
    return (["Molecules that failed QM9's own check of consistency (3,054) are left out of all these parts.", ""] +
            table(["target"] + [f"{v}, {s}" for v in variants for s in ("random0", "scaffold")], rows))


def interval(line):
    """The gain of a line and its interval, bold where that leaves out zero."""
    text = f"{float(line['gain']):.3f} [{float(line['low']):.3f}, {float(line['high']):.3f}]"
    return f"**{text}**" if float(line["low"]) > 0 or float(line["high"]) < 0 else text


def chance_of_all(results, times):
    """How probable it is that all differences are in favour of ours, were it better on each split by so many
    times the mean gain of its data set; errors are normal, as wide as the intervals."""
    probability = 1
    for dataset in DATASETS:
        lines = [line for (d, _), line in results.paired.items() if d == dataset]
        mean = statistics.mean(float(line["gain"]) for line in lines) if lines else 0
        for line in lines:
            deviation = (float(line["high"]) - float(line["low"])) / (2 * 1.96)
            probability *= statistics.NormalDist(0, deviation).cdf(times * mean)
    return f"{100 * probability:.{0 if probability > 0.1 else 2}f} %"


def paired(results):
    lines = ["", "## More than chance?", "",
             "By how much ours is better than classical on the test rows of a split, in the metric of the table, and the 95 % interval of that: both are",
             "scored on the same 10,000 resamples of the test molecules ([paired.py](paired.py)). Bold: the interval leaves out zero. It tells what",
             "another draw of as many test molecules might have shown, not what other training rows or another seed would.", ""]
    if not results.paired:
        return lines + [f"Intervals: {NOT_RUN}."]
    rows = []
    for dataset, (name, _, metric, seeds, goal, _) in DATASETS.items():
        if goal is not None:
            wanted = seeds + ["scaffold"]
            rows.append([f"{name}, {METRICS[metric]}"] + [
                interval(results.paired[dataset, s]) if (dataset, s) in results.paired else NOT_RUN if s in wanted else "" for s in SPLITS])
    gains = [(float(line["gain"]), float(line["low"]), float(line["high"])) for line in results.paired.values()]
    return lines + table([""] + SPLITS, rows) + [
        "", f"Of {len(gains)} differences, {sum(g > 0 for g, _, _ in gains)} are in favour of ours, {sum(low > 0 for _, low, _ in gains)} of them with an interval "
        f"above zero; {sum(g < 0 for g, _, _ in gains)} are against, {sum(high < 0 for _, _, high in gains)} of them with one below.",
        "Test parts are small: were ours better by the mean gain of its data set on each of them, it would come out ahead on all of them with a",
        f"probability of {chance_of_all(results, 1)}, and with gains four times as large, of {chance_of_all(results, 4)}."]


def over_targets(results, dataset, split, metric):
    """Mean of a metric of `ours` over the targets that have it."""
    values = known([results.value(dataset, split, "ours", metric, t) for t in results.targets(dataset)])
    return statistics.mean(values) if values else None


def calibration(results):
    rows = []
    for dataset, (name, _, metric, seeds, _, _) in DATASETS.items():
        def cells(figure, d=dataset, s=seeds):
            return [spread([over_targets(results, d, split, figure) for split in s]),
                    number(over_targets(results, d, "scaffold", figure))]
        rows.append([name] + cells("spearman") + (cells("coverage_90") if metric == "rmse" else ["no interval", "no interval"]))
    return ["", "## What a deviation is worth", "",
            "Spearman's rank correlation of `sd` with the absolute error (of classes: with the distance from the label), and the share of test",
            "rows whose label lies in value ± 1.645 `sd`, which would be 0.90 if errors were normal and `sd` right. `sd` is calibrated",
            "on validation rows, inside training. Several targets: their mean.", ""] + table(
                ["", "correlation, random", "scaffold", "coverage, random", "scaffold"], rows)


def share_above(results, dataset, splits):
    """The share of labels of test molecules whose novelty is above 1, over all of the splits and targets."""
    counts = {side: sum(figure[1] for (d, s, v, m, _), figure in results.figures.items()
                        if d == dataset and s in splits and v == "ours" and m == f"{DATASETS[dataset][2]}_novelty_{side}_1")
              for side in ("to", "above")}
    total = sum(counts.values())
    return f"{100 * counts['above'] / total:.0f} %" if total else NOT_RUN


def novelty(results):
    rows = []
    for dataset, (name, _, metric, seeds, _, _) in DATASETS.items():
        row = [f"{name}, {METRICS[metric]}"]
        for splits in (seeds, ["scaffold"]):
            median = known([results.value(dataset, s, "ours", "novelty_median", "") for s in splits])
            row += [f"{statistics.mean(median):.2f}" if median else NOT_RUN, share_above(results, dataset, splits)]
            for side in ("to", "above"):
                found = known([over_targets(results, dataset, s, f"{metric}_novelty_{side}_1") for s in splits])
                row.append(NOT_RUN if not found else "several units" if dataset == "qm9" else f"{statistics.mean(found):.3f}")
        rows.append(row)
    return ["", "## Novelty", "",
            "Distance to the nearest training molecule; 1 is the 95th percentile of validation molecules. Median over test molecules, the share",
            "of them above 1, and the metric of both sides. Means over the random splits that were run; several targets: their mean.", ""] + table(
                ["", "random: median", "above 1", "metric up to 1", "metric above 1", "scaffold: median", "above 1", "metric up to 1",
                 "metric above 1"], rows)


def costs(results):
    rows = []
    for dataset, (name, *_) in DATASETS.items():
        for variant in VARIANTS:
            runs = [run for (d, _, v), run in results.runs.items() if (d, v) == (dataset, variant)]
            if not runs:
                rows.append([name, variant] + [NOT_RUN] * 5)
                continue
            trunks = [figure[0] for (d, _, v, m, _), figure in results.figures.items() if (d, v, m) == (dataset, variant, "trunk_seconds")]
            rows.append([name, variant, f"{statistics.mean(trunks):.0f}" if trunks else "none"] +
                        [f"{statistics.mean([float(run[c]) for run in runs]):.{digits}f}" for c, digits in zip(RUN, (0, 1, 0, 0))])
    return ["", "## Time and memory", "",
            "Means over the splits that were run; by the clock, and other work shared the machine. Memory is the peak of the backend,",
            "which for training leaves out its background workers. A trunk is trained once for all data sets of a split.",
            "Predicting is `hamnet_predictions`, one molecule after the other.", ""] + table(
                ["", "", "trunk, s", "heads, s", "1,000 predictions, s", "training, MiB", "predicting, MiB"], rows)


def shipped(results):
    """Which of the rows' own models are files beside this one."""
    lines = []
    for path in sorted(glob.glob("models/*.safetensors")):
        with open(path, "rb") as file:
            identity = hashlib.sha256(file.read()).hexdigest()
        lines += [f"- `{os.path.basename(path)}` is the very model of {DATASETS[d][0]}, {split}, {variant}."
                  for (d, split, variant), run in sorted(results.runs.items()) if run["model"] == identity]
    return ["", "## What is built in", ""] + lines if lines else []


def retrieval(results):
    lines = ["", "## Retrieval", "",
             "Of the 50 nearest neighbours of an active molecule, itself left out, how many are active: the mean over the queries, which are",
             "200 random actives, or all where there are fewer. Only molecules that the assay labelled are searched.", ""]
    if not results.retrieval:
        return lines + [f"Retrieval: {NOT_RUN}."]
    rows = [[line["dataset"], line["fingerprint"], line["distance"], f"{float(line['active']):.2f}", f"{float(line['chance']):.2f}",
             line["queries"], f"{int(line['molecules']):,}", f"{int(line['actives']):,}"]
            for line in sorted(results.retrieval, key=lambda line: line["dataset"])]
    lines += table(["", "fingerprint", "distance", "active of 50", "by chance", "queries", "molecules", "actives"], rows)
    return lines


SEARCHED = ("ChEMBL", "DUD", "MUV")


def virtual_screening(results):
    """Retrieval of actives of a target among decoys, and what else is asked of a fingerprint's neighbours."""
    lines = ["", "## Search", "",
             "One active molecule of a target is the query, all its other actives and the decoys are ranked: BEDROC (α = 20), in brackets the area under the",
             "ROC curve; means over ten queries of a target, then over targets (Riniker and Landrum's sets, [search.py](search.py)). No molecule of these sets gave a label to",
             "learn from. But how much the projection is whitened, that assays are contrasted, the weight of that, and how far it is held to its beginning (`keep`) were",
             "chosen with an eye on these very figures, so that they flatter; columns of counts, the final whitening and the number of labels were chosen by few-shot",
             "prediction on FS-Mol's validation assays.", ""]
    if not results.search:
        return lines + [f"Search: {NOT_RUN}."]
    figures = {(line["vector"], line["distance"], line["judge"], line["set"]): line["value"] for line in results.search}
    vectors = dict.fromkeys((line["vector"], line["distance"]) for line in results.search if line["judge"] == "AUC")
    lines += table(["", "distance"] + list(SEARCHED), [[vector, distance] + [
        f"{float(figures[vector, distance, 'BEDROC20', s]):.3f} ({float(figures[vector, distance, 'AUC', s]):.3f})" if (vector, distance, "AUC", s) in figures else NOT_RUN
        for s in SEARCHED] for vector, distance in vectors])
    others = [line for line in results.search if line["judge"] not in ("AUC", "BEDROC20", "EF1%")]
    if others:
        lines += ["", "Other judges, over so many molecules or pairs: *norm* is the 99.9th percentile of the length over its median; *diazepam* the largest of its distances to five close",
                  "benzodiazepines over the first percentile of distances of random pairs; *analogues found* the share of molecules with Morgan similarity of at least 0.5 that is among",
                  "the hundred nearest; *collisions* are molecules that share a fingerprint with another, by what tells the two apart.", ""]
        lines += table(["", "fingerprint", "distance", "", "of"], [[line["judge"], line["vector"], line["distance"],
                       line["value"] if line["judge"].startswith("collisions") else f"{float(line['value']):.3f}", f"{int(line['n']):,}"] for line in others])
    return lines


def fewshot(results):
    """Mean gain of AUPRC over the share of actives on FS-Mol's validation assays, by the number of labels."""
    lines = ["", "## Few labels", "",
             "FS-Mol's validation assays, from which nothing was learned: the area under the precision-recall curve less the share of actives, with so many labelled molecules of the assay,",
             "means over draws, then over assays, in brackets their number ([fewshot.py](fewshot.py)). A model named has a kernel head of `hamnet_train` on its fingerprint.", ""]
    if not results.fewshot:
        return lines + [f"Few labels: {NOT_RUN}."]
    gains = {}
    for line in results.fewshot:
        gains.setdefault((line["model"], int(line["labels"])), {}).setdefault(line["assay"], []).append(float(line["gain"]))
    sizes = sorted({size for _, size in gains})
    return lines + table([""] + [f"{size} labels" for size in sizes], [[model] + [
        f"{statistics.mean(map(statistics.mean, gains[model, size].values())):.3f} ({len(gains[model, size])})" if (model, size) in gains else NOT_RUN
        for size in sizes] for model in dict.fromkeys(model for model, _ in gains)])


def ablation(results):
    """What each group of targets and each part of the fingerprint is worth."""
    lines = ["", "## What the fingerprint is made of", "",
             "The fingerprint without a part of what it sees or learns from, on the sets to search in (BEDROC20, in brackets the area under the curve) and with 16, 64 and 128 labels of FS-Mol's",
             "validation assays (ridge regression with a Gaussian kernel, five draws, to compare rows with each other only).", ""]
    if not results.ablation:
        return lines + [f"Ablation: {NOT_RUN}."]
    figures = {(line["variant"], line["judge"], line["set"]): float(line["value"]) for line in results.ablation}

    def cell(variant, s):
        early, area = figures.get((variant, "BEDROC20", s)), figures.get((variant, "AUC", s))
        return NOT_RUN if early is None or area is None else f"{early:.3f} ({area:.3f})"
    return lines + table([""] + list(SEARCHED) + ["16 labels", "64", "128"], [
        [variant] + [cell(variant, s) for s in SEARCHED] + [number(figures.get((variant, "few-shot", size))) for size in ("16", "64", "128")]
        for variant in dict.fromkeys(line["variant"] for line in results.ablation)])


# What is said of a test of explanations, and its decimals.
EXPLAINED = {"deletion": ("change of the prediction without a fifth of the atoms: those of the largest contributions", 2),
             "raising": ("its fall without the fifth that raises it most", 2),
             "lowering": ("its rise without the fifth that lowers it most", 2),
             "crippen": ("correlation with Crippen's contributions within a molecule", 2),
             "polar": ("ROC-AUC of nitrogen and oxygen among the atoms", 2),
             "alert": ("ROC-AUC of nitro groups and aromatic amines among the atoms of mutagens", 2),
             "spelling": ("share of molecules that another spelling does not change by a bit", 2),
             "milliseconds": ("milliseconds for a molecule, by the clock, beside other work", 0)}


def explanations(results):
    lines = ["", "## Explanations", "",
             "What `hamnet_explain` says of test molecules ([explanations.py](explanations.py)), beside atoms drawn at random, or the same contributions on",
             "atoms in random order. Means over molecules.", ""]
    if not results.explanations:
        return lines + [f"Explanations: {NOT_RUN}."]
    rows = []
    for line in results.explanations:
        what, digits = EXPLAINED[line["test"]]
        rows.append([line["property"], what, f"{float(line['value']):.{digits}f}", f"{float(line['random']):.{digits}f}" if line["random"] else "",
                     line["molecules"]])
    return lines + table(["", "", "explained", "random", "molecules"], rows)


def trials(results):
    lines = ["", "## What was tried", "", "On validation rows; test rows had no part in it.", ""]
    if not results.trials:
        return lines + [f"Trials: {NOT_RUN}."]
    rows = [[DATASETS[t["dataset"]][0], t["split"], t["variant"], f"{METRICS[t['metric']]} of {t['target']}", f"{float(t['value']):.4f}",
             t["note"].replace("|", "\\|")] for t in results.trials]
    return lines + table(["", "split", "variant", "metric", "validation", "note"], rows) + tree_settings(results)


def tree_settings(results):
    lines = ["", "### Settings of trees", "", "Mean over the validation rows of the five cuts that Therapeutics Data Commons gives each task. Forests and boosted trees alone, without the other parts of a",
             "joint head; skewed numbers by their logarithm. Smaller is better for the mean absolute error (mae)."]
    if not results.trees:
        return lines + ["", f"Settings: {NOT_RUN}."]
    tasks = list(dict.fromkeys((line["task"], line["metric"]) for line in results.trees))
    values = {(line["variant"], line["task"]): f"{float(line['value']):.3f}" for line in results.trees}
    rows = [[variant] + [values.get((variant, task), NOT_RUN) for task, _ in tasks] for variant in dict.fromkeys(line["variant"] for line in results.trees)]
    return lines + [""] + table([""] + [f"{task}, {metric}" for task, metric in tasks], rows)


def base(results):
    lines = ["", "## The base model", ""]
    if not results.base:
        return lines + [f"What it was trained on: {NOT_RUN}."]
    return lines + table(["", "", ""], [[line[c].replace("|", "\\|") for c in ("key", "value", "note")] for line in results.base])


INTRODUCTION = """# Property models: the report of their making

Written by `make report` from `models/results/*.csv`; not by hand.

- **Splits** are fixed: five random ones (8:1:1) and one by scaffolds. A model learns from the rows of `train`, everything is chosen by those of
  `valid`, nothing is fitted again afterwards, and the rows of `test` are looked at once.
- **RMSE** is over all test rows at once, in the units of the data; **ROC-AUC** over the labelled rows of a task, then the mean over tasks.
- **ours** is what [variants.sql](variants.sql) says: heads on a trunk, which is hamnet-base of version 0.2.0 fine-tuned on the training sets of all data sets at
  once, but for molecules that any of them validates or tests with ([trunk.sql](trunk.sql)). **engine off** is the same from a base that was pre-trained
  alike, without an engine; **single member** one network on the trunk of ours; **not tuned** the heads of ours on hamnet-base of 0.2.0 as it is; **frozen** the same on hamnet-base of 0.3.0, and
  **conformer** the same again, whose heads also read the numbers of a conformer. The first three were not made again on the hamnet-base of 0.3.0. Each row was
  trained with one seed, the scaffold's too.
- **How often test rows were looked at.** *Not tuned* was ours until its test rows were measured. The trunk came after that, chosen on validation rows of
  random0. With it ESOL, FreeSolv and Lipophilicity were measured on random0 and scaffold with kernels that always compare fingerprints and shares that
  validate best, however uneven (0.449 / 0.759, 1.003 / 2.181, 0.521 / 0.675); FreeSolv was worse than before, and so validation rows were asked again. They
  chose what is now ours, and are what everything was chosen by; that the question was asked at all came from test rows.
- **Classical** is the best, chosen on validation, of random forest, support vector machine and gradient boosting on ECFP4 counts (2,048) and
  208 descriptors of RDKit; for Tox21 a random forest, for HIV a random forest on the counts alone ([baselines.py](baselines.py)).
- Standard deviations (n − 1) are over splits, and largely the spread of small test sets: compare split by split."""

REPRODUCTION = """
## How a row is computed again

    make reproduce DATA=/path/to/data ROW="esol random0 ours"

trains and measures in a throw-away cluster, and prints the stored figures beside the new ones. The trunk of the split comes first, which takes
some ten to twenty minutes; a row `not tuned` of a small data set takes one. `models/properties.sh` makes all rows."""


def report(folder):
    results = Results(folder)
    lines = [INTRODUCTION, ""] + summary(results) + ["", "## Each data set"]
    for dataset in DATASETS:
        lines += dataset_section(results, dataset)
    for section in (paired, calibration, novelty, costs, shipped, virtual_screening, fewshot, ablation, retrieval, explanations, trials, base):
        lines += section(results)
    return "\n".join(lines + [REPRODUCTION, ""])


def main(folder="models/results", path="models/REPORT.md"):
    try:
        text = report(folder)
    except Malformed as problem:
        sys.exit(f"report.py: {problem}")
    with open(path, "w", encoding="utf-8") as file:
        file.write(text)


if __name__ == "__main__":
    if len(sys.argv) > 3:
        sys.exit(__doc__)
    main(*sys.argv[1:])
