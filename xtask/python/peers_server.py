"""Runs forwards of a peer on request, as `forward_server` does ours: `peers_server.py PEER FOLDER THREADS PRECISION`.

A line of standard input is a request, a line of standard output its answer; see `forward_server` for both. The first
line printed is the peer's version. Every request's shape has a session of its own, made once, its dimensions fixed, so
that the peer may prepare for them. A peer that does not have the precision computes in f32, and its version says so.
"""

import json
import sys
import time

import numpy as np

import synth

SEED = 1
PADDING = 0
SIDE = 289
VOCABULARY = 30522


class OnnxRuntime:
    """In f32, whatever is asked for: its CPU provider has no products of bf16."""

    def __init__(self, folder, threads, precision):
        import onnxruntime

        self.runtime, self.folder, self.threads = onnxruntime, folder, threads
        self.version = f"onnxruntime {onnxruntime.__version__} f32"

    def load(self, tower, inputs):
        options = self.runtime.SessionOptions()
        options.intra_op_num_threads = self.threads
        options.log_severity_level = 3
        for name, size in zip(("batch", "tokens"), next(iter(inputs.values())).shape):
            options.add_free_dimension_override_by_name(name, size)
        path = f"{self.folder}/{tower}.onnx"
        session = self.runtime.InferenceSession(path, options, providers=["CPUExecutionProvider"])
        return lambda: session.run(None, inputs)[0]


class OpenVino:
    """In f32 or bf16."""

    def __init__(self, folder, threads, precision):
        import openvino

        self.core, self.folder, self.threads = openvino.Core(), folder, threads
        self.precision = "bf16" if precision == "bf16" else "f32"
        self.version = f"openvino {openvino.get_version().split('-')[0]} {self.precision}"

    def load(self, tower, inputs):
        model = self.core.read_model(f"{self.folder}/{tower}.onnx")
        model.reshape({name: list(array.shape) for name, array in inputs.items()})
        settings = {
            "INFERENCE_NUM_THREADS": self.threads,
            "NUM_STREAMS": 1,
            "PERFORMANCE_HINT": "LATENCY",
            "INFERENCE_PRECISION_HINT": self.precision,
        }
        compiled = self.core.compile_model(model, "CPU", settings)
        # A CPU without bf16 would make f32 of the hint, silently.
        used = compiled.get_property("INFERENCE_PRECISION_HINT").to_string()
        assert used == self.precision, f"OpenVINO computes in {used}"
        request = compiled.create_infer_request()
        return lambda: request.infer(inputs)[0]


class Truth:
    """No peer: the oracle in f64, which all are compared with. Its attention would fall back to f32 for the softmax."""

    def __init__(self, folder, threads, precision):
        import torch
        import transformers

        import oracle

        oracle.prepare()
        torch.set_num_threads(threads)
        self.torch, self.attention = torch, oracle.f64_attention
        model = transformers.AlignModel.from_pretrained(folder, attn_implementation="eager")
        self.model = model.double().eval()
        self.version = f"transformers {transformers.__version__} f64"

    def load(self, tower, inputs):
        tensors = {name: self.torch.from_numpy(array) for name, array in inputs.items()}

        def forward():
            with self.torch.no_grad(), self.attention():
                if tower == "image":
                    features = self.model.vision_model(tensors["pixel_values"].double()).pooler_output
                else:
                    states = self.model.text_model(**tensors).last_hidden_state
                    features = self.model.text_projection(states[:, 0])
            assert features.dtype == self.torch.float64
            return features.numpy()

        return forward


PEERS = {"onnxruntime": OnnxRuntime, "openvino": OpenVino, "truth": Truth}


def inputs_of(request):
    """The tower's name and its arrays."""
    if "images" in request:
        return "image", {"pixel_values": synth.images(SEED, request["images"], 3, SIDE)}
    lengths, padded = request["lengths"], request["padded"]
    ids = np.full((len(lengths), padded), PADDING, np.int64)
    mask = np.zeros_like(ids)
    for row, caption in enumerate(synth.captions(SEED, lengths, VOCABULARY)):
        ids[row, : len(caption)] = caption
        mask[row, : len(caption)] = 1
    return "text", {"input_ids": ids, "attention_mask": mask}


def main():
    name, folder, threads, precision = sys.argv[1], sys.argv[2], int(sys.argv[3]), sys.argv[4]
    peer = PEERS[name](folder, threads, precision)
    print(peer.version, flush=True)
    forwards = {}
    for line in sys.stdin:
        request = json.loads(line)
        runs = request.pop("runs")
        key = json.dumps(request)
        if key not in forwards:
            tower, inputs = inputs_of(request)
            forwards[key] = peer.load(tower, inputs)
        forward = forwards[key]
        features, times = forward(), []
        for _ in range(runs):
            start = time.perf_counter()
            features = forward()
            times.append((time.perf_counter() - start) * 1e3)
        print(json.dumps({"ms": times, "features": features.ravel().tolist()}), flush=True)


if __name__ == "__main__":
    main()
