"""What classical methods make of the fixed splits, for comparison with hamnet's
property models: random forest, support vector machine and gradient boosting on
ECFP4 counts (2,048) and RDKit's 2D descriptors.

    python3 models/baselines.py DATA RESULTS.csv [DATASET[/SPLIT] ...]

needs rdkit, numpy and scikit-learn. Appends to RESULTS.csv, and leaves out what
it holds already: stop it at any time. Everything is fitted on the training part
alone; what is chosen, is chosen on the validation part; `classical` is the
method that is best there. One thread: it is to be run beside other work.
"""
import csv
import gzip
import os
import sys
import time

os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

import numpy as np
from rdkit import Chem, RDLogger
from rdkit.Chem import Descriptors
from rdkit.Chem.rdMolDescriptors import GetHashedMorganFingerprint
from rdkit.DataStructs import ConvertToNumpyArray
from sklearn.ensemble import (HistGradientBoostingClassifier, HistGradientBoostingRegressor, RandomForestClassifier,
                              RandomForestRegressor)
from sklearn.metrics import roc_auc_score
from sklearn.svm import SVC, SVR

np.float = float  # RDKit 2022.09 still asks for the name that numpy 1.24 dropped

RANDOM = [f"random{k}" for k in range(5)]
TOX21 = ["NR-AR", "NR-AR-LBD", "NR-AhR", "NR-Aromatase", "NR-ER", "NR-ER-LBD", "NR-PPAR-gamma", "SR-ARE", "SR-ATAD5",
         "SR-HSE", "SR-MMP", "SR-p53"]
# table, label columns, metric, descriptors too, methods, splits
DATASETS = {
    "esol": ("delaney-processed", ["measured log solubility in mols per litre"], "rmse", True, ("rf", "svm", "boosting"),
             RANDOM + ["scaffold"]),
    "freesolv": ("SAMPL", ["expt"], "rmse", True, ("rf", "svm", "boosting"), RANDOM + ["scaffold"]),
    "lipophilicity": ("Lipophilicity", ["exp"], "rmse", True, ("rf", "svm", "boosting"), RANDOM + ["scaffold"]),
    "bbbp": ("BBBP", ["BBBP"], "roc_auc", True, ("rf", "svm", "boosting"), RANDOM + ["scaffold"]),
    "tox21": ("tox21", TOX21, "roc_auc", True, ("rf",), RANDOM + ["scaffold"]),
    "hiv": ("HIV", ["HIV_active"], "roc_auc", False, ("rf",), RANDOM[:3] + ["scaffold"]),
}
SPLIT_FILES = {"esol": "ESOL", "freesolv": "FreeSolv", "lipophilicity": "Lipophilicity", "bbbp": "BBBP", "tox21": "Tox21",
               "hiv": "HIV"}
COLUMNS = ["dataset", "split", "method", "metric", "valid", "test", "n_test", "setting", "seconds"]
COUNTS = 2048


def rows_of(path):
    """The records of a CSV file; blank lines are no rows, as the splits count them."""
    with gzip.open(path, "rt", newline="") as file:
        return list(csv.DictReader(file))


def read(data, dataset):
    """Molecules, labels (NaN: not measured) and the parts of every split, in the order of the split file."""
    table, labels = DATASETS[dataset][:2]
    source = rows_of(f"{data}/moleculenet/{table}.csv.gz")
    split = rows_of(f"{data}/splits/{SPLIT_FILES[dataset]}.csv.gz")
    molecules, y = [], []
    for row in split:
        record = source[int(row["row"])]
        smiles = record["smiles"].strip()
        if smiles != row["smiles"]:
            sys.exit(f"{dataset}: row {row['row']} of the table is \"{smiles}\", the split says \"{row['smiles']}\"")
        molecules.append(Chem.MolFromSmiles(smiles))
        y.append([float(record[c]) if record[c] != "" else np.nan for c in labels])
    return molecules, np.array(y), split


def counts_of(molecules):
    out = np.zeros((len(molecules), COUNTS), dtype=np.float32)
    for row, mol in zip(out, molecules):
        ConvertToNumpyArray(GetHashedMorganFingerprint(mol, 2, COUNTS), row)
    return out


def descriptors_of(molecules):
    """NaN where RDKit finds none; far outliers (Ipc) stay within what float32 can square."""
    out = np.array([[f(mol) for _, f in Descriptors.descList] for mol in molecules])
    return np.where(np.isfinite(out), np.clip(out, -1e15, 1e15), np.nan)


def score(metric, y, predicted):
    if metric == "rmse":
        return float(np.sqrt(np.mean((y - predicted) ** 2)))
    return float(roc_auc_score(y, predicted))


def better(metric, a, b):
    return a < b if metric == "rmse" else a > b


def forests(metric, x, y, train):
    """Features: counts and descriptors as they are."""
    features = 0.1 if metric == "rmse" else "sqrt"
    make = RandomForestRegressor if metric == "rmse" else RandomForestClassifier
    forest = make(n_estimators=200, max_features=features, random_state=0, n_jobs=1).fit(x["plain"][train], y[train])
    predict = forest.predict if metric == "rmse" else lambda q: forest.predict_proba(q)[:, 1]
    yield f"200 trees, max_features {features}", lambda part: predict(x["plain"][part])


def boosters(metric, x, y, train, valid):
    """Rounds are chosen on the validation part."""
    make = HistGradientBoostingRegressor if metric == "rmse" else HistGradientBoostingClassifier
    model = make(max_iter=150, learning_rate=0.1, max_leaf_nodes=16, l2_regularization=1.0, max_features=0.2,
                 early_stopping=False, random_state=0)
    model.fit(x["plain"][train], y[train])

    def staged(part):
        if metric == "rmse":
            return list(model.staged_predict(x["plain"][part]))
        return [p[:, 1] for p in model.staged_predict_proba(x["plain"][part])]

    scores = [score(metric, y[valid], p) for p in staged(valid)]
    best = int(np.argmin(scores) if metric == "rmse" else np.argmax(scores))
    yield f"16 leaves, {best + 1} rounds", lambda part: staged(part)[best]


def machines(metric, x, y, train):
    """RBF kernel over standardised descriptors and logarithms of counts, whose
    weights in the distance are chosen as well. Labels of regression are scaled.
    The grid is smaller where rows are many."""
    mean, sd = y[train].mean(), y[train].std()

    def squares(a):
        norm = (a * a).sum(axis=1)
        return np.maximum(norm[:, None] + norm[None, train] - 2 * a @ a[train].T, 0)

    parts = []
    for block in (x["counts"], x["descriptors"]):
        block = np.log1p(block) if block is x["counts"] else block
        centre, scale = block[train].mean(axis=0), block[train].std(axis=0)
        if block is x["descriptors"]:
            block = np.clip((block - centre) / np.where(scale > 0, scale, 1), -5, 5)
        distance = squares(np.ascontiguousarray(block, dtype=np.float64))
        parts.append(distance / np.mean(distance[train]))
    few = len(train) < 2000
    for weight in (0.3, 0.5, 0.7) if few else (0.3, 0.5):
        distance = weight * parts[0] + (1 - weight) * parts[1]
        for gamma in (0.3, 1.0, 3.0) if few else (0.3, 1.0):
            kernel = np.exp(-gamma * distance)
            for cost in (1.0, 10.0, 100.0) if few else (3.0, 10.0):
                if metric == "rmse":
                    model = SVR(kernel="precomputed", C=cost, epsilon=0.05).fit(kernel[train], (y[train] - mean) / sd)
                    yield (f"C {cost:g}, gamma {gamma:g}, counts {weight:g}",
                           lambda part, m=model, k=kernel: m.predict(k[part]) * sd + mean)
                else:
                    model = SVC(kernel="precomputed", C=cost).fit(kernel[train], y[train])
                    yield (f"C {cost:g}, gamma {gamma:g}, counts {weight:g}",
                           lambda part, m=model, k=kernel: m.decision_function(k[part]))


def candidates(method, metric, x, y, train, valid):
    if method == "rf":
        return forests(metric, x, y, train)
    if method == "svm":
        return machines(metric, x, y, train)
    return boosters(metric, x, y, train, valid)


def choose(method, metric, x, y, train, valid):
    """The setting that is best on the validation part: score, name, predictor."""
    best = None
    for name, predict in candidates(method, metric, x, y, train, valid):
        value = score(metric, y[valid], predict(valid))
        if best is None or better(metric, value, best[0]):
            best = (value, name, predict)
    return best


def inputs(counts, descriptors, train):
    """Features of all molecules; missing descriptors become the training part's
    median, and counts that are the same in all of that part are left out."""
    counts = counts[:, counts[train].min(axis=0) < counts[train].max(axis=0)]
    x = {"counts": counts, "plain": counts}
    if descriptors is not None:
        median = np.nan_to_num(np.nanmedian(descriptors[train], axis=0))
        x["descriptors"] = np.where(np.isnan(descriptors), median, descriptors)
        x["plain"] = np.hstack([counts, x["descriptors"].astype(np.float32)])
    return x


def run_split(dataset, counts, descriptors, y, split, name, out):
    metric, methods = DATASETS[dataset][2], DATASETS[dataset][4]
    part = np.array([row[name] for row in split])
    x = inputs(counts, descriptors, part == "train")
    lines = []
    for method in methods:
        start = time.monotonic()
        valids, tests, settings = [], [], []
        for task in range(y.shape[1]):
            labelled = ~np.isnan(y[:, task])
            train, valid, test = (np.flatnonzero((part == p) & labelled) for p in ("train", "valid", "test"))
            value, setting, predict = choose(method, metric, x, y[:, task], train, valid)
            valids.append(value)
            tests.append(score(metric, y[test, task], predict(test)))
            settings.append(setting)
        lines.append({"dataset": dataset, "split": name, "method": method, "metric": metric,
                      "valid": f"{np.mean(valids):.5f}", "test": f"{np.mean(tests):.5f}",
                      "n_test": int((part == "test").sum()),
                      "setting": settings[0] if len(settings) == 1 else "for each task its own",
                      "seconds": f"{time.monotonic() - start:.0f}"})
    best = lines[0]
    for line in lines[1:]:
        if better(metric, float(line["valid"]), float(best["valid"])):
            best = line
    lines.append({**best, "method": "classical", "setting": f"{best['method']}: {best['setting']}",
                  "seconds": str(sum(int(line["seconds"]) for line in lines))})
    for line in lines:
        out.writerow(line)
        print(*line.values(), flush=True)


def main(data, path, *wanted):
    RDLogger.DisableLog("rdApp.*")
    done = set()
    if os.path.exists(path):
        with open(path, newline="") as file:
            done = {(row["dataset"], row["split"]) for row in csv.DictReader(file)}
    else:
        with open(path, "w") as file:
            file.write(",".join(COLUMNS) + "\n")
    loaded = None
    for item in wanted or DATASETS:
        dataset, _, only = item.partition("/")
        for name in [only] if only else DATASETS[dataset][5]:
            if (dataset, name) in done:
                continue
            if loaded is None or loaded[0] != dataset:
                molecules, y, split = read(data, dataset)
                loaded = (dataset, counts_of(molecules), descriptors_of(molecules) if DATASETS[dataset][3] else None, y, split)
            done.add((dataset, name))
            _, counts, descriptors, y, split = loaded
            with open(path, "a", newline="") as file:
                run_split(dataset, counts, descriptors, y, split, name, csv.DictWriter(file, COLUMNS, lineterminator="\n"))


if __name__ == "__main__":
    if len(sys.argv) < 3:
        sys.exit(__doc__)
    main(*sys.argv[1:])
