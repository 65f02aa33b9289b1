"""Weights moved back inside the flatbuffer, equal vectors once: ``python -m export.repack < model > model``.

The quantiser leaves weights behind the flatbuffer and points at them with ``Buffer.offset``. Old runtimes do not know
that field and say "lacks data". Here each buffer becomes an inline vector that starts on a multiple of 16 bytes, as the
schema demands (``force_align: 16``) but its generated Python code forgets.

It runs in a process of its own, so that neither the quantiser's state nor its memory is shared with what is packed.
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

__all__ = ["ALIGNMENT", "repack", "repack_in_process"]

ALIGNMENT = 16


class _InlineBuffer:
    """Stands in for the schema's BufferT when the model is packed: inline and aligned."""

    def __init__(self, data: bytes) -> None:
        self.data = data

    def Pack(self, builder: Any) -> int:  # the name that the generated ModelT.Pack calls
        from ai_edge_litert import schema_py_generated as schema

        vector = None
        if self.data:
            builder.StartVector(1, len(self.data), ALIGNMENT)
            # What Builder.CreateByteVector does, which has no way to ask for an alignment.
            builder.head -= len(self.data)
            builder.Bytes[builder.head : builder.head + len(self.data)] = self.data
            vector = builder.EndVector()
        schema.BufferStart(builder)
        if vector is not None:
            schema.BufferAddData(builder, vector)
        return schema.BufferEnd(builder)


def repack(model: bytes) -> bytes:
    """The same .tflite with every buffer inline and aligned; a zip behind the flatbuffer is dropped.

    Raises:
        ValueError: a buffer points outside the file, or custom options are stored outside the flatbuffer.
    """
    import flatbuffers
    import numpy as np
    from ai_edge_litert import schema_py_generated as schema

    class Sharing(flatbuffers.Builder):
        """Writes equal vectors once: a tenth of an int8 model are the zero points of its channels, all of them 0."""

        def CreateNumpyVector(self, x: np.ndarray) -> int:  # the name that the generated code calls
            key = x.dtype.str, x.tobytes()
            if key not in made:
                made[key] = super().CreateNumpyVector(x)
            return made[key]

    made: dict[tuple[str, bytes], int] = {}
    parsed = schema.ModelT.InitFromObj(schema.Model.GetRootAs(model, 0))
    inline = []
    for index, buffer in enumerate(parsed.buffers):
        # 0 and 1 both mean "no offset": the writer uses 1 as a place holder.
        if buffer.offset > 1:
            if buffer.offset + buffer.size > len(model):
                raise ValueError(f"buffer {index} points outside the file")
            inline.append(_InlineBuffer(bytes(model[buffer.offset : buffer.offset + buffer.size])))
        else:
            inline.append(_InlineBuffer(b"" if buffer.data is None else bytes(bytearray(buffer.data))))
    if any(op.largeCustomOptionsOffset > 1 for graph in parsed.subgraphs for op in graph.operators):
        raise ValueError("an operator keeps its options outside the flatbuffer")
    parsed.buffers = inline
    builder = Sharing(len(model) + 4096)
    builder.Finish(parsed.Pack(builder), file_identifier=b"TFL3")
    return bytes(builder.Output())


def repack_in_process(model: bytes) -> bytes:
    """`repack`, run by a fresh interpreter.

    Raises:
        RuntimeError: the process failed; the message carries its last line.
    """
    environment = dict(os.environ)
    root = str(Path(__file__).resolve().parent.parent)
    environment["PYTHONPATH"] = os.pathsep.join(filter(None, [root, environment.get("PYTHONPATH")]))
    done = subprocess.run(
        [sys.executable, "-m", "export.repack"], input=bytes(model), capture_output=True, env=environment, check=False
    )
    if done.returncode != 0:
        lines = done.stderr.decode(errors="replace").strip().splitlines()
        raise RuntimeError(f"repacking the .tflite failed: {lines[-1] if lines else 'no message'}")
    return done.stdout


if __name__ == "__main__":
    sys.stdout.buffer.write(repack(sys.stdin.buffer.read()))
