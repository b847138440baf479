#!/bin/sh
# Models made here run in PyTorch, and models made there run here. Needs Python
# (PYTHON, python3) with torch and safetensors, and ./rnnlm (or RNNLM).
set -u
cd "$(dirname "$0")/.." || exit 1
python=${PYTHON:-python3}
if ! "$python" -c 'import torch, safetensors' 2>/dev/null; then
	echo "interop: $python cannot import torch and safetensors:" >&2
	echo "interop: install them (pip install torch safetensors numpy) or set PYTHON" >&2
	echo "interop: 0 passed, 1 failed"
	exit 1
fi
exec "$python" scripts/interop.py "${RNNLM:-./rnnlm}" build/interop
