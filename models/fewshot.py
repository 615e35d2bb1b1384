#!/usr/bin/python3
"""Few-shot prediction on FS-Mol's validation assays: models/fewshot.py DATA MODEL... > models/results/fewshot.csv

For each of the 39 assays, and 16, 64 and 128 labelled molecules drawn so that both classes have their share, a kernel head is fitted by hamnet_train to the
fingerprint of each MODEL of the database that the PG* variables name, and a random forest to Morgan bits (radius 2, 2,048 bits); all other molecules of the
assay are ranked. Printed: the area under the precision-recall curve less the share of actives, for each draw. SEEDS draws (default 3) with the same molecules
for all. Needs python3-numpy, python3-sklearn, python3-rdkit, python3-psycopg.
"""
import csv, gzip, io, os, sys

import numpy as np
import psycopg
from rdkit import Chem, RDLogger
from rdkit.Chem import rdMolDescriptors
from sklearn.ensemble import RandomForestClassifier
from sklearn.metrics import average_precision_score

RDLogger.DisableLog('rdApp.*')
SIZES = (16, 64, 128)


def read(path):
    with gzip.open(path) as f:
        return list(csv.DictReader(io.TextIOWrapper(f, 'utf-8'), delimiter='\t'))


def assays(folder):
    """[(assay, SMILES, labels)] of the validation assays"""
    wanted = {r['assay'] for r in read(f'{folder}/activity/fsmol_assays.tsv.gz') if r['split'] != 'train'}
    smiles = {r['compound']: r['smiles'] for r in read(f'{folder}/activity/fsmol_compounds.tsv.gz')}
    rows = {}
    for r in read(f'{folder}/activity/fsmol_activities.tsv.gz'):
        if r['assay'] in wanted:
            rows.setdefault(r['assay'], []).append((smiles[r['compound']], int(r['active'])))
    return [(a, [s for s, _ in v], np.array([y for _, y in v])) for a, v in sorted(rows.items())]


def draw(y, size, rng):
    """size rows with both classes in their share, at least one each; None if there are too few"""
    if size >= len(y) - 5:
        return None
    actives, others = np.nonzero(y == 1)[0], np.nonzero(y == 0)[0]
    n = min(max(1, round(size * y.mean())), size - 1)
    if n >= len(actives) or size - n >= len(others):
        return None
    return np.r_[rng.permutation(actives)[:n], rng.permutation(others)[:size - n]]


def bits(smiles):
    x = np.zeros((len(smiles), 2048), np.uint8)
    for row, s in zip(x, smiles):
        row[list(rdMolDescriptors.GetMorganFingerprintAsBitVect(Chem.MolFromSmiles(s), 2, 2048).GetOnBits())] = 1
    return x


def forest(x, y, chosen, rest, seed):
    model = RandomForestClassifier(500, random_state=seed, n_jobs=1).fit(x[chosen], y[chosen])
    return model.predict_proba(x[rest])[:, list(model.classes_).index(1)]


def kernel(connection, base, smiles, y, chosen, rest):
    connection.execute('TRUNCATE few')
    with connection.cursor() as cursor, cursor.copy('COPY few FROM STDIN') as copy:
        for k in chosen:
            copy.write_row((smiles[k], bool(y[k])))
    connection.execute("CALL hamnet_train('few', 'SELECT smiles, active FROM few', jsonb_build_object('base', %s::text, 'head', 'kernel', 'validation', 'none', 'known', 0))", (base,))
    query = "SELECT hamnet_predict(s, 'few') FROM unnest(%s::text[]) WITH ORDINALITY AS u (s, n) ORDER BY n"
    return np.array([p for p, in connection.execute(query, ([smiles[k] for k in rest],)).fetchall()])


def main(folder, models):
    out = csv.writer(sys.stdout, lineterminator='\n')
    out.writerow(('model', 'assay', 'labels', 'draw', 'n', 'gain'))
    with psycopg.connect('', autocommit=True) as connection:
        connection.execute('SET client_min_messages = warning')
        connection.execute('CREATE TEMP TABLE few (smiles text, active boolean)')
        for name, smiles, y in assays(folder):
            x = bits(smiles)
            for size in SIZES:
                for seed in range(int(os.environ.get('SEEDS', 3))):
                    chosen = draw(y, size, np.random.default_rng(seed))
                    if chosen is None:
                        continue
                    rest = np.setdiff1d(np.arange(len(y)), chosen)
                    for model in ['random forest on Morgan bits'] + models:
                        p = forest(x, y, chosen, rest, seed) if model.startswith('random') else kernel(connection, model, smiles, y, chosen, rest)
                        out.writerow((model, name, size, seed, len(rest), f'{average_precision_score(y[rest], p) - y[rest].mean():.4f}'))
                        sys.stdout.flush()


if __name__ == '__main__':
    main(sys.argv[1], sys.argv[2:])
