#!/usr/bin/env python3
"""Cut the engine out of a model file.

    cut_engine.py < MODEL.safetensors > ENGINE.safetensors

Its tensors stay as they are, in their order. Needs nothing but python3.
"""
import json
import struct
import sys


def main():
    model = sys.stdin.buffer.read()
    data = 8 + struct.unpack("<Q", model[:8])[0]
    header, values = {}, b""
    for name, tensor in json.loads(model[8:data]).items():
        if name.startswith("engine."):
            begin, end = tensor["data_offsets"]
            header[name] = tensor | {"data_offsets": [len(values), len(values) + end - begin]}
            values += model[data + begin:data + end]
    # Padded, so that the values lie aligned.
    text = json.dumps(header, separators=(",", ":")).encode()
    text += b" " * (-len(text) % 8)
    sys.stdout.buffer.write(struct.pack("<Q", len(text)) + text + values)


if __name__ == "__main__":
    main()
