"""Runs forwards of a peer on request, as `forward_server` does ours: `peers_server.py PEER FOLDER THREADS`.

A line of standard input is a request, a line of standard output its answer; see `forward_server` for both. The first
line printed is the peer's version. Every request's shape has a session of its own, made once, its dimensions fixed, so
that the peer may prepare for them.
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
    def __init__(self, threads):
        import onnxruntime

        self.runtime, self.threads = onnxruntime, threads
        self.version = f"onnxruntime {onnxruntime.__version__}"

    def load(self, path, inputs):
        options = self.runtime.SessionOptions()
        options.intra_op_num_threads = self.threads
        options.log_severity_level = 3
        for name, size in zip(("batch", "tokens"), next(iter(inputs.values())).shape):
            options.add_free_dimension_override_by_name(name, size)
        session = self.runtime.InferenceSession(path, options, providers=["CPUExecutionProvider"])
        return lambda: session.run(None, inputs)[0]


class OpenVino:
    def __init__(self, threads):
        import openvino

        self.core, self.threads = openvino.Core(), threads
        self.version = f"openvino {openvino.get_version().split('-')[0]}"

    def load(self, path, inputs):
        model = self.core.read_model(path)
        model.reshape({name: list(array.shape) for name, array in inputs.items()})
        settings = {
            "INFERENCE_NUM_THREADS": self.threads,
            "NUM_STREAMS": 1,
            "PERFORMANCE_HINT": "LATENCY",
            "INFERENCE_PRECISION_HINT": "f32",
        }
        request = self.core.compile_model(model, "CPU", settings).create_infer_request()
        return lambda: request.infer(inputs)[0]


PEERS = {"onnxruntime": OnnxRuntime, "openvino": OpenVino}


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
    name, folder, threads = sys.argv[1], sys.argv[2], int(sys.argv[3])
    peer = PEERS[name](threads)
    print(peer.version, flush=True)
    forwards = {}
    for line in sys.stdin:
        request = json.loads(line)
        runs = request.pop("runs")
        key = json.dumps(request)
        if key not in forwards:
            tower, inputs = inputs_of(request)
            forwards[key] = peer.load(f"{folder}/{tower}.onnx", inputs)
        forward = forwards[key]
        features, times = forward(), []
        for _ in range(runs):
            start = time.perf_counter()
            features = forward()
            times.append((time.perf_counter() - start) * 1e3)
        print(json.dumps({"ms": times, "features": features.ravel().tolist()}), flush=True)


if __name__ == "__main__":
    main()
