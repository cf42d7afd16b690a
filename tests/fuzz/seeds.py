"""usage: seeds.py FOLDER. Writes the payloads of tests/data/payloads.toml there, each as an input of the fuzzer."""

import base64
import pathlib
import sys
import tomllib

table = tomllib.loads((pathlib.Path(__file__).parents[1] / "data" / "payloads.toml").read_text())
names = sorted(table["configuration"])
folder = pathlib.Path(sys.argv[1])
folder.mkdir(parents=True, exist_ok=True)
for number, row in enumerate(table["payload"]):
    payload = base64.b64decode(row["payload_base64"]) if "payload_base64" in row else row["payload"].encode()
    chosen = 1 + names.index(row["configuration"])
    (folder / f"payload-{number}").write_bytes(bytes([chosen]) + payload)
