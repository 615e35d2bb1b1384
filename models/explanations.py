#!/usr/bin/env python3
"""Judge explanations (hamnet_explain) by what chemists know, beside random ones.

    python3 models/explanations.py DATA [MOLECULES]

writes models/results/explanations.csv anew, from test molecules (100) of each
property. Needs rdkit and numpy, and the database that PGHOST and so on name,
with hamnet; where it has no model "ames", that is trained first from
DATA/admet/tdc, which takes some ten minutes. The same database and the same
DATA give the same figures but for the milliseconds.

- deletion: how far a prediction moves when the fifth of the atoms with the
  largest contributions is removed, beside a random fifth, mean of five
- raising, lowering: the same with the sign of contributions: how far it falls
  without the atoms that raise it most, and rises without those that lower it most
- crippen: correlation, within a molecule, with Crippen's contributions to the
  octanol-water partition, hydrogens with their atoms (lipophilicity)
- polar: area under the ROC curve of nitrogen and oxygen among the atoms (solubility)
- alert: that of nitro groups and aromatic amines among the atoms of mutagens
  that have one (Ames)
- spelling: share of molecules whose contributions are the same, bit for bit, in
  another spelling
- milliseconds: of the server for a molecule, by the clock
"""
import csv
import datetime
import gzip
import random
import subprocess
import sys
import tempfile

import numpy as np
from rdkit import Chem, RDLogger
from rdkit.Chem import rdMolDescriptors

RESULTS = "models/results/explanations.csv"
ALERTS = [Chem.MolFromSmarts(smarts) for smarts in ("[$([N+](=O)[O-])]", "[$([O-,$(O=*)]~[N+](=O)[O-]),$(O=[N+][O-])]",
                                                    "[NX3;H2,H1;$(Nc);!$(N[C,S]=O)]")]
RANDOM_SETS = 5
LARGEST = 50  # atoms
TRAIN = """CALL hamnet_train('ames', 'SELECT smiles, y = 1 AS ames FROM explained_ames', '{"head": "joint", "trees": 200}')"""


def psql(script, *rows):
    """Run a script; rows become the table pg_temp.input (id int, a text, b text)."""
    with tempfile.NamedTemporaryFile("w", suffix=".csv") as file:
        csv.writer(file).writerows((i,) + row for i, row in enumerate(rows))
        file.flush()
        text = f"CREATE TEMP TABLE input (id int, a text, b text);\n\\copy input FROM '{file.name}' WITH (FORMAT csv)\n{script}"
        done = subprocess.run(["psql", "--no-psqlrc", "--quiet", "--csv", "--tuples-only", "--set", "ON_ERROR_STOP=1"], input=text,
                              capture_output=True, text=True, check=False)
    if done.returncode != 0:
        sys.exit(done.stderr)
    return list(csv.reader(done.stdout.splitlines()))


def predict(smiles, target):
    """Predictions by SMILES; those without one are left out."""
    distinct = sorted(set(smiles))
    rows = psql("SELECT id, hamnet_try_predict(a, b) FROM input;", *[(s, target) for s in distinct])
    return {distinct[int(i)]: float(value) for i, value in rows if value}


def explain(smiles, target):
    """Contributions in the order of each SMILES, and milliseconds for a molecule."""
    rows = psql("""SELECT count(*) FROM hamnet_explain('CCO', (SELECT min(b) FROM input)) \\g /dev/null
        CREATE TEMP TABLE time AS SELECT clock_timestamp() AS began;
        CREATE TEMP TABLE result AS SELECT id, e.atom, e.contribution FROM input, LATERAL hamnet_explain(a, b) AS e;
        SELECT -1, 0, extract(epoch FROM clock_timestamp() - began) * 1000 / (SELECT count(*) FROM input) FROM time;
        SELECT * FROM result ORDER BY id, atom;""", *[(s, target) for s in smiles])
    contributions = [[] for _ in smiles]
    for i, _, value in rows[1:]:
        contributions[int(i)].append(float(value))
    return [np.array(c) for c in contributions], float(rows[0][2])


def remove(mol, atoms):
    """SMILES of a molecule without some atoms, hydrogens in their place; None where RDKit rejects it."""
    part = Chem.RWMol(mol)
    Chem.Kekulize(part, clearAromaticFlags=True)
    for atom in part.GetAtoms():
        gone = [other for other in atom.GetNeighbors() if other.GetIdx() in atoms]
        if atom.GetIdx() in atoms or not gone:
            continue
        lost = sum(int(part.GetBondBetweenAtoms(atom.GetIdx(), other.GetIdx()).GetBondTypeAsDouble()) for other in gone)
        charge = atom.GetFormalCharge()
        if charge > 0:
            atom.SetFormalCharge(charge - min(charge, lost))
            lost -= min(charge, lost)
        elif charge < 0 and any(other.GetFormalCharge() > 0 for other in gone):
            atom.SetFormalCharge(charge + 1)
            lost += 1
        atom.SetChiralTag(Chem.ChiralType.CHI_UNSPECIFIED)
        if atom.GetNoImplicit():
            atom.SetNumExplicitHs(atom.GetNumExplicitHs() + lost)
    for atom in sorted(atoms, reverse=True):
        part.RemoveAtom(atom)
    try:
        Chem.SanitizeMol(part)
        return Chem.MolToSmiles(part)
    except Chem.MolSanitizeException:
        return None


def crippen(mol):
    full = Chem.AddHs(mol)
    sums = np.zeros(mol.GetNumAtoms())
    for atom, (value, _) in zip(full.GetAtoms(), rdMolDescriptors._CalcCrippenContribs(full)):
        heavy = atom.GetIdx() < mol.GetNumAtoms()
        sums[atom.GetIdx() if heavy else atom.GetNeighbors()[0].GetIdx()] += value
    return sums


def polar(mol):
    return np.array([atom.GetAtomicNum() in (7, 8) for atom in mol.GetAtoms()])


def alerted(mol):
    found = {atom for alert in ALERTS for match in mol.GetSubstructMatches(alert) for atom in match}
    return np.array([i in found for i in range(mol.GetNumAtoms())])


def correlation(values, reference):
    return np.corrcoef(values, reference)[0, 1] if values.std() > 0 and reference.std() > 0 else np.nan


def area(values, positive):
    """Under the ROC curve; NaN without both classes."""
    a, b = values[positive][:, None], values[~positive][None, :]
    return np.mean((a > b) + (a == b) / 2) if a.size and b.size else np.nan


def deletion(mols, values, target, rng):
    """Rows (measure, value, random) of removing atoms."""
    chosen, random_sets, wanted = [], [], set()
    for mol, v in zip(mols, values):
        k = max(1, round(len(v) / 5))
        sets = [np.argsort(-np.abs(v))[:k], np.argsort(-v)[:k], np.argsort(v)[:k]]
        chosen.append([remove(mol, {int(a) for a in s}) for s in sets])
        random_sets.append([remove(mol, set(rng.sample(range(len(v)), k))) for _ in range(RANDOM_SETS)])
        wanted |= {s for s in chosen[-1] + random_sets[-1] + [Chem.MolToSmiles(mol)] if s}
    predicted = predict(wanted, target)
    moved = []
    for mol, parts, others in zip(mols, chosen, random_sets):
        value = predicted[Chem.MolToSmiles(mol)]
        changes = [value - predicted[p] if p in predicted else np.nan for p in parts]
        by_chance = [value - predicted[p] for p in others if p in predicted] or [np.nan]
        moved.append([abs(changes[0]), changes[1], -changes[2], np.mean(np.abs(by_chance)), np.mean(by_chance), -np.mean(by_chance)])
    means = np.nanmean(moved, axis=0)
    return [(name, means[i], means[i + 3]) for i, name in enumerate(("deletion", "raising", "lowering"))]


def agreement(mols, values, reference, measure, rng):
    """Mean agreement of contributions, and of the same ones on atoms in random order."""
    ours = [measure(v, reference(mol)) for mol, v in zip(mols, values)]
    shuffled = [measure(np.array(rng.sample(list(v), len(v))), reference(mol)) for mol, v in zip(mols, values) for _ in range(RANDOM_SETS)]
    return np.nanmean(ours), np.nanmean(shuffled)


def spelling(mols, values, target):
    """Share of molecules whose contributions another spelling does not change."""
    others, orders = [], []
    for mol in mols:
        other = Chem.RenumberAtoms(mol, list(range(mol.GetNumAtoms()))[::-1])
        others.append(Chem.MolToSmiles(other, canonical=False))
        written = list(other.GetPropsAsDict(True, True)["_smilesAtomOutputOrder"])
        orders.append([mol.GetNumAtoms() - 1 - a for a in written])
    again, _ = explain(others, target)
    return np.mean([np.array_equal(v[order], a) for v, order, a in zip(values, orders, again)])


def judge(smiles, target, test, reference, measure, rng):
    mols = [Chem.MolFromSmiles(s) for s in smiles]
    smiles = [Chem.MolToSmiles(mol) for mol in mols]
    mols = [Chem.MolFromSmiles(s) for s in smiles]
    values, milliseconds = explain(smiles, target)
    return deletion(mols, values, target, rng) + [(test,) + agreement(mols, values, reference, measure, rng),
                                                  ("spelling", spelling(mols, values, target), None),
                                                  ("milliseconds", milliseconds, None)]


def choose(smiles, count, rng, fits=lambda mol: True):
    """Some of the molecules, in random order."""
    chosen = []
    for s in rng.sample(smiles, len(smiles)):
        mol = Chem.MolFromSmiles(s)
        if mol is not None and 5 <= mol.GetNumAtoms() <= LARGEST and fits(mol):
            chosen.append(s)
            if len(chosen) == count:
                break
    return chosen


def read(path, column, keep):
    with gzip.open(path, "rt", newline="") as file:
        return [line[column] for line in csv.DictReader(file) if keep(line)]


def train_ames(data):
    if psql("SELECT 1 FROM hamnet_models() WHERE name = 'ames';"):
        return
    with gzip.open(f"{data}/admet/tdc/ames_train_val.csv.gz", "rt", newline="") as file:
        rows = [(line["Drug"], line["Y"]) for line in csv.DictReader(file)]
    psql(f"CREATE TABLE explained_ames AS SELECT a AS smiles, b::float8 AS y FROM input;\n{TRAIN};\nDROP TABLE explained_ames;", *rows)


def main(data, count=100):
    RDLogger.DisableLog("rdApp.*")
    psql("SET client_min_messages = warning; CREATE EXTENSION IF NOT EXISTS hamnet;")
    train_ames(data)
    test = lambda line: line["random0"] == "test"
    mutagens = read(f"{data}/admet/tdc/ames_test.csv.gz", "Drug", lambda line: float(line["Y"]) == 1)
    tasks = [("lipophilicity", read(f"{data}/splits/Lipophilicity.csv.gz", "smiles", test), lambda mol: True, "crippen", crippen, correlation),
             ("solubility", read(f"{data}/splits/ESOL.csv.gz", "smiles", test), lambda mol: True, "polar", polar, area),
             ("ames", mutagens, lambda mol: alerted(mol).any(), "alert", alerted, area)]
    models = dict(psql("SELECT t, m.id FROM hamnet_models() AS m, unnest(m.targets) AS t;"))
    commit = subprocess.run(["git", "rev-parse", "--short=12", "HEAD"], capture_output=True, text=True, check=False).stdout.strip() or "unknown"
    lines = []
    for target, smiles, fits, name, reference, measure in tasks:
        rng = random.Random(1)
        chosen = choose(smiles, int(count), rng, fits)
        for row, value, by_chance in judge(chosen, target, name, reference, measure, rng):
            lines.append([target, row, f"{value:.4f}", "" if by_chance is None else f"{by_chance:.4f}", len(chosen), models[target], commit,
                          datetime.date.today().isoformat()])
            print(*lines[-1][:5], flush=True)
    with open(RESULTS, "w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(["property", "test", "value", "random", "molecules", "model", "commit", "date"])
        writer.writerows(lines)


if __name__ == "__main__":
    if len(sys.argv) not in (2, 3):
        sys.exit(__doc__)
    main(*sys.argv[1:])
