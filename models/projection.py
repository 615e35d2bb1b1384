#!/usr/bin/python3
"""Give a model a projection that begins where substructure counts are nearest: models/projection.py MODEL OUT < SMILES

SMILES, one a line, are a sample of the library. Of the logarithms log(1 + counts) of their Morgan environments up to radius 2, folded into 2,048 columns,
the covariance has D leading directions with deviations s. What is written is MODEL without heads, and with fingerprint.counts such that a molecule's
fingerprint is its D coordinates along these, centred, each divided by s ** 0.5, and scaled to one length; fingerprint.projection, through which the
read-out comes in, is zero. Training (models/fingerprint.sql) begins there. Needs python3-numpy, python3-scipy and python3-rdkit.
"""
import json, struct, sys

import numpy as np
import scipy.sparse as sparse
from rdkit import Chem, RDLogger
from rdkit.Chem import rdMolDescriptors

COLUMNS = 2048
WHITENED = 0.5  # 0: lengths along the directions are as they are; 1: all are alike
CHUNK = 20000

RDLogger.DisableLog('rdApp.*')


def logarithms(smiles):
    """log(1 + counts) [molecules, COLUMNS], sparse"""
    rows, columns, counts = [], [], []
    for row, s in enumerate(smiles):
        for identifier, count in rdMolDescriptors.GetMorganFingerprint(Chem.MolFromSmiles(s), 2).GetNonzeroElements().items():
            rows.append(row), columns.append(identifier % COLUMNS), counts.append(count)
    x = sparse.csr_matrix((np.array(counts, float), (rows, columns)), shape=(len(smiles), COLUMNS))
    x.sum_duplicates()
    return x.log1p()


def directions(smiles, dim):
    """mean [COLUMNS], leading directions [COLUMNS, dim] and the deviations along them [dim]"""
    total, products = np.zeros(COLUMNS), np.zeros((COLUMNS, COLUMNS))
    for begin in range(0, len(smiles), CHUNK):
        x = logarithms(smiles[begin:begin + CHUNK])
        total += np.asarray(x.sum(0)).ravel()
        products += (x.T @ x).toarray()
    mean = total / len(smiles)
    values, vectors = np.linalg.eigh(products / len(smiles) - np.outer(mean, mean))
    return mean, vectors[:, :-dim - 1:-1], np.sqrt(values[:-dim - 1:-1])


def read(path):
    """configuration, {name: tensor}"""
    data = open(path, 'rb').read()
    length = struct.unpack('<Q', data[:8])[0]
    header = json.loads(data[8:8 + length])
    config = json.loads(header.pop('__metadata__')['hamnet'])
    body = data[8 + length:]
    return config, {name: np.frombuffer(body[slice(*t['data_offsets'])], '<f4').reshape(t['shape']) for name, t in header.items()}


def write(path, config, tensors):
    header, body = {'__metadata__': {'hamnet': json.dumps(config)}}, b''
    for name, tensor in sorted(tensors.items()):
        data = np.ascontiguousarray(tensor, '<f4').tobytes()
        header[name] = {'dtype': 'F32', 'shape': list(tensor.shape), 'data_offsets': [len(body), len(body) + len(data)]}
        body += data
    text = json.dumps(header).encode()
    text += b' ' * (-len(text) % 8)
    open(path, 'wb').write(struct.pack('<Q', len(text)) + text + body)


def main(model, out):
    config, tensors = read(model)
    dim = config['fingerprint']['dim']
    mean, vectors, deviations = directions(sys.stdin.read().split(), dim)
    weights = vectors * deviations ** -WHITENED
    weights /= np.sqrt((deviations ** (2 - 2 * WHITENED)).sum())
    config['heads'] = []
    config['features'] = 'hamnet-2026-counts'
    config['fingerprint'].update(projection=True, counts=COLUMNS)
    tensors = {name: t for name, t in tensors.items() if not name.startswith('head.')}
    tensors['fingerprint.counts.weight'] = weights
    tensors['fingerprint.projection.weight'] = np.zeros((dim, dim))
    tensors['fingerprint.projection.bias'] = -mean @ weights
    write(out, config, tensors)


if __name__ == '__main__':
    main(*sys.argv[1:])
