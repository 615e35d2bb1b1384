#!/usr/bin/python3
"""What fingerprints are worth in search: models/search.py DATA LIBRARY MODEL... > models/results/search.csv

Of each MODEL of the database that the PG* variables name ('' is the built-in default), beside RDKit's Morgan fingerprints and topological torsions:
- retrieval: the Riniker-Landrum targets below DATA/retrieval. Ten actives of each target, drawn by a fixed seed, are queries; all its other actives and its
  decoys are ranked, ties at random. Means over queries, then over targets, of the area under the ROC curve, BEDROC (alpha 20) and the enrichment in the first 1 %.
- norm: of the molecules in LIBRARY, one SMILES a line, the 99.9th percentile of the fingerprint's length over its median.
- diazepam: the largest distance to five close benzodiazepines over the first percentile of the distances of random pairs.
- analogues: of 200 molecules of LIBRARY, the share of their Morgan analogues (Tanimoto similarity of bits at least 0.5) that is among their hundred nearest, and the share of
  those that are analogues. Of at most 20,000 molecules.
- collisions: molecules of LIBRARY that share a fingerprint with another, by what tells them apart.
Needs python3-numpy, python3-scipy, python3-rdkit, python3-psycopg.
"""
import csv, gzip, io, os, sys

import numpy as np
import psycopg
import scipy.sparse as sparse
from rdkit import Chem, RDLogger
from rdkit.Chem import rdMolDescriptors

RDLogger.DisableLog('rdApp.*')
QUERIES = 10
DIAZEPAM = 'CN1C(=O)CN=C(c2ccccc2)c2cc(Cl)ccc21'
NEAR_DIAZEPAM = {
    'nordazepam': 'O=C1CN=C(c2ccccc2)c2cc(Cl)ccc2N1', 'oxazepam': 'O=C1Nc2ccc(Cl)cc2C(c2ccccc2)=NC1O', 'alprazolam': 'Cc1nnc2n1-c1ccc(Cl)cc1C(c1ccccc1)=NC2',
    'midazolam': 'Cc1ncc2n1-c1ccc(Cl)cc1C(c1ccccc1F)=NC2', 'chlordiazepoxide': 'CNC1=Nc2ccc(Cl)cc2C(c2ccccc2)=[N+]([O-])C1'}


def read(path):
    with gzip.open(path) as f:
        return list(csv.DictReader(io.TextIOWrapper(f, 'utf-8'), delimiter='\t'))


def targets(folder):
    """SMILES, and [(set, rows of actives, rows of decoys)]; ChEMBL's targets share their decoys"""
    smiles, row, groups = [], {}, {}
    for kind in ('actives', 'decoys'):
        for r in read(f'{folder}/retrieval/{kind}.tsv.gz'):
            if r['id'] not in row:
                row[r['id']] = len(smiles)
                smiles.append(r['smiles'])
            groups.setdefault((r['dataset'], r['target']), {'actives': [], 'decoys': []})[kind].append(row[r['id']])
    common = groups.pop(('ChEMBL', 'zinc'))['decoys']
    return smiles, [(s, np.array(g['actives']), np.array(common if s == 'ChEMBL' else g['decoys'])) for (s, _), g in sorted(groups.items())]


def judge(rank, n, total, alpha=20.0):
    """area under the ROC curve, BEDROC and enrichment in the first 1 % of n actives at these ranks, from 1, of total molecules"""
    share = n / total
    rie = np.exp(-alpha * rank / total).sum() / (share * (1 - np.exp(-alpha)) / (np.exp(alpha / total) - 1))
    bedroc = rie * share * np.sinh(alpha / 2) / (np.cosh(alpha / 2) - np.cosh(alpha / 2 - alpha * share)) + 1 / (1 - np.exp(alpha * (1 - share)))
    return 1 - (rank.sum() - n * (n + 1) / 2) / (n * (total - n)), bedroc, (rank <= max(1, round(total / 100))).sum() / n * 100


def retrieval(plan, distance):
    """{set: [targets, 3]}; distance(rows of queries, rows of library)"""
    results, rng = {}, np.random.default_rng(0)
    for dataset, active, decoys in plan:
        queries = rng.permutation(len(active))[:QUERIES]
        library = np.r_[active, decoys]
        label = np.r_[np.ones(len(active)), np.zeros(len(decoys))]
        scores = []
        for q, d in zip(queries, distance(active[queries], library)):
            keep = np.arange(len(library)) != q
            order = np.argsort(d[keep] + 1e-9 * np.random.default_rng(1).random(keep.sum()))
            rank = np.nonzero(label[keep][order])[0] + 1
            scores.append(judge(rank, len(rank), keep.sum()))
        results.setdefault(dataset, []).append(np.mean(scores, 0))
    return results


def counted(smiles, kind):
    """counts [molecules, 2048] of Morgan environments up to radius 2 or of topological torsions"""
    i, j, v = [], [], []
    for k, s in enumerate(smiles):
        m = Chem.MolFromSmiles(s)
        if m is None:
            continue
        f = rdMolDescriptors.GetHashedMorganFingerprint(m, 2, 2048) if kind == 'Morgan' else rdMolDescriptors.GetHashedTopologicalTorsionFingerprint(m, 2048)
        for bit, count in f.GetNonzeroElements().items():
            i.append(k), j.append(bit), v.append(count)
    return sparse.csr_matrix((np.array(v, np.float32), (i, j)), shape=(len(smiles), 2048))


def by_bits(x):
    x = (x > 0).astype(np.float32)
    ones = np.asarray(x.sum(1)).ravel()
    return lambda q, l: 1 - (lambda common: common / np.maximum(ones[q][:, None] + ones[l][None] - common, 1))((x[q] @ x[l].T).toarray())


def by_counts(x):
    total = np.asarray(x.sum(1)).ravel()

    def distance(q, l):
        columns, d = x[l].tocsc(), np.empty((len(q), len(l)))
        for k, one in enumerate(q):
            row, common = x[one], np.zeros(len(l))
            for c, value in zip(row.indices, row.data):
                a, b = columns.indptr[c], columns.indptr[c + 1]
                common[columns.indices[a:b]] += np.minimum(columns.data[a:b], value)
            d[k] = 1 - common / np.maximum(total[l] + total[one] - common, 1e-9)
        return d
    return distance


def euclidean(x):
    n = (x * x).sum(1)
    return lambda q, l: np.maximum(n[q][:, None] + n[l][None] - 2 * x[q] @ x[l].T, 0)


def cosine(x):
    u = x / np.maximum(np.sqrt((x * x).sum(1, keepdims=True)), 1e-12)
    return lambda q, l: 1 - u[q] @ u[l].T


def fingerprints(connection, smiles, model):
    x, arguments = None, (model,) if model else ()
    for start in range(0, len(smiles), 1000):
        query = f"SELECT f::real[] FROM unnest(hamnet_fingerprints({', '.join(['%s'] * (1 + len(arguments)))})) WITH ORDINALITY AS u (f, n) ORDER BY n"
        for k, (f,) in enumerate(connection.execute(query, (smiles[start:start + 1000],) + arguments).fetchall()):
            if f is not None:
                x = np.zeros((len(smiles), len(f)), np.float32) if x is None else x
                x[start + k] = f
    return x


def kind(a, b):
    """what tells two molecules with one fingerprint apart"""
    for name, options in (('stereo', {'isomericSmiles': False}), ('isotopes', None)):
        if options is None:
            for m in (a, b):
                for atom in m.GetAtoms():
                    atom.SetIsotope(0)
        if Chem.MolToSmiles(a, **(options or {})) == Chem.MolToSmiles(b, **(options or {})):
            return name
    return 'metals' if any(atom.GetAtomicNum() in METALS for m in (a, b) for atom in m.GetAtoms()) else 'graph'


METALS = set(range(11, 14)) | set(range(19, 33)) | set(range(37, 51)) | set(range(55, 85)) | {3, 4}


def collisions(smiles, x):
    groups = {}
    for s, f in zip(smiles, x):
        groups.setdefault(np.round(f, 4).tobytes(), []).append(s)
    found = {'stereo': 0, 'isotopes': 0, 'metals': 0, 'graph': 0}
    for group in groups.values():
        for s in group if len(group) > 1 else []:
            found[kind(Chem.MolFromSmiles(s), Chem.MolFromSmiles(group[0] if group[0] != s else group[1]))] += 1
    return found


def analogues(bits, distance, n):
    """of analogues, the share among the hundred nearest; of the hundred nearest, the share of analogues"""
    recall, share = [], []
    for q in np.random.default_rng(2).permutation(n)[:200]:
        rest = np.setdiff1d(np.arange(n), [q])
        similar = bits(np.array([q]), rest)[0] <= 0.5
        near = similar[np.argsort(distance(np.array([q]), rest)[0], kind='stable')[:100]]
        share.append(near.mean())
        if similar.any():
            recall.append(near.sum() / min(100, similar.sum()))
    return np.mean(recall), np.mean(share)


def main(folder, library, models):
    out = csv.writer(sys.stdout, lineterminator='\n')
    out.writerow(('judge', 'set', 'vector', 'distance', 'value', 'n'))
    smiles, plan = targets(folder)
    some = [line.split()[0] for line in open(library)]

    def report(*row):
        out.writerow(row)
        sys.stdout.flush()

    def searched(vector, name, distance):
        for dataset, values in sorted(retrieval(plan, distance).items()):
            for judge_name, value in zip(('AUC', 'BEDROC20', 'EF1%'), np.mean(values, 0)):
                report(judge_name, dataset, vector, name, f'{value:.4f}', len(values))

    counts = counted(smiles, 'Morgan')
    searched('Morgan, bits', 'Tanimoto', by_bits(counts))
    searched('Morgan, counts', 'Tanimoto', by_counts(counts))
    searched('topological torsions', 'Tanimoto', by_counts(counted(smiles, 'torsions')))
    few = some[:20000]
    bits = by_bits(counted(few, 'Morgan'))
    with psycopg.connect('', autocommit=True) as connection:
        for model in models:
            vector = model or 'hamnet-base'
            x = fingerprints(connection, smiles, model)
            searched(vector, 'Euclidean', euclidean(x))
            searched(vector, 'cosine', cosine(x))
            x = fingerprints(connection, some, model)
            norms = np.sqrt((x * x).sum(1))
            report('norm', 'library', vector, '', f'{np.percentile(norms, 99.9) / np.median(norms):.4f}', len(some))
            close = fingerprints(connection, [DIAZEPAM] + list(NEAR_DIAZEPAM.values()), model)
            a, b = np.random.default_rng(3).integers(0, len(some), (2, 100000))
            for name, pairs in (('Euclidean', lambda x, y: np.sqrt(((x - y) ** 2).sum(1))), ('cosine', lambda x, y: 1 - (x * y).sum(1) / np.sqrt((x * x).sum(1) * (y * y).sum(1)))):
                report('diazepam', 'close benzodiazepines', vector, name, f'{pairs(close[:1], close[1:]).max() / np.percentile(pairs(x[a], x[b]), 1):.4f}', len(NEAR_DIAZEPAM))
                recall, share = analogues(bits, (euclidean if name == 'Euclidean' else cosine)(x[:len(few)]), len(few))
                report('analogues found', 'library', vector, name, f'{recall:.4f}', len(few))
                report('analogues among neighbours', 'library', vector, name, f'{share:.4f}', len(few))
            for what, n in collisions(some, x).items():
                report('collisions: ' + what, 'library', vector, '', n, len(some))


if __name__ == '__main__':
    main(sys.argv[1], sys.argv[2], sys.argv[3:] or [''])
