"""Goldens of the metrics: `python eval_goldens.py <fixtures folder>`.

Writes `eval/*.safetensors`: seeded arrays, and what NumPy in f64 and scikit-learn make of them. Nothing here is
computed as the engine does it: candidates are sorted in full, and the linear probe is fitted by Newton's method.

Where scores are no whole numbers, a set is drawn until no decision hangs on less than what rounding to f32 can move.
"""

import sys
import warnings
from pathlib import Path

import numpy as np
from scipy.special import softmax
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import balanced_accuracy_score, confusion_matrix, top_k_accuracy_score
from sklearn.neighbors import KNeighborsClassifier

from oracle import save_atomically

KS = (1, 5, 10)
# Two inner products of unit vectors of up to 32 values, each off by 32 roundings of half a unit of f32.
ROUNDING = 2 * 32 * 2.0**-24


def unit(array):
    return (array / np.linalg.norm(array, axis=1, keepdims=True)).astype(np.float32)


def products(a, b):
    """Inner products in f64, each summed alike, so that equal rows have equal products."""
    return (a.astype(np.float64)[:, None, :] * b.astype(np.float64)[None, :, :]).sum(-1)


def first_drawn(draw, is_clear):
    """The first seeded draw whose result is clear."""
    for seed in range(1000):
        drawn = draw(np.random.default_rng(seed))
        if is_clear(drawn):
            return drawn
    raise SystemExit("no draw is clear")


def ranking(scores):
    """Candidates of each query, best first, the lower index first among equals."""
    return np.argsort(-scores, axis=1, kind="stable")


# Retrieval


def owners(images, texts):
    """The image of each text: every image has one, the others go to images of their own choosing."""
    return np.concatenate([np.arange(images), (np.arange(texts - images) ** 2) % images]).astype(np.int64)


def retrieval(images, texts, image_of_text):
    belongs = image_of_text[None, :] == np.arange(len(images))[:, None]
    outputs = {}
    for name, queries, items, right in [
        ("image_to_text", images, texts, belongs),
        ("text_to_image", texts, images, belongs.T),
    ]:
        ranked = np.take_along_axis(right, ranking(products(queries, items)), axis=1)
        outputs[f"{name}.ranks"] = ranked.argmax(axis=1).astype(np.int64)
        for k in KS:
            outputs[f"{name}.r{k}"] = np.float64(ranked[:, :k].any(axis=1).mean())
    return outputs


def is_clear_retrieval(drawn):
    images, texts, image_of_text = drawn
    scores = products(images, texts)
    belongs = image_of_text[None, :] == np.arange(len(images))[:, None]
    for scores, right in [(scores, belongs), (scores.T, belongs.T)]:
        best = np.where(right, scores, -np.inf).max(axis=1, keepdims=True)
        if (np.abs(scores - best)[~right] < ROUNDING).any():
            return False
    return True


def retrieval_sets():
    def draw(rng):
        image_of_text = owners(60, 200)
        images = unit(rng.normal(size=(60, 32)))
        texts = unit(images[image_of_text] + 1.5 * unit(rng.normal(size=(200, 32))))
        return images, texts, image_of_text

    rng = np.random.default_rng(1)
    tied = rng.integers(-2, 3, (40, 6)).astype(np.float32), rng.integers(-2, 3, (100, 6)).astype(np.float32)
    for name, (images, texts, image_of_text) in {
        "near": first_drawn(draw, is_clear_retrieval),
        "tied": (*tied, owners(40, 100)),
    }.items():
        yield name, {
            "image_embeds": images,
            "text_embeds": texts,
            "image_of_text": image_of_text,
            **retrieval(images, texts, image_of_text),
        }


# Classification by scores


def classification_sets():
    classes, n = 12, 300
    rng = np.random.default_rng(2)
    # One class does not occur, and some occur rarely.
    weights = np.array([9, 1, 5, 5, 0, 7, 2, 3, 3, 1, 4, 6], float)
    labels = rng.choice(classes, size=n, p=weights / weights.sum()).astype(np.int64)
    scores = (rng.normal(size=(n, classes)) + 1.5 * np.eye(classes)[labels]).astype(np.float32)
    for name, scores in {"distinct": scores, "tied": np.round(scores)}.items():
        ranked = ranking(scores.astype(np.float64))
        predicted = ranked[:, 0]
        right = ranked == labels[:, None]
        acc = {f"acc{k}": np.float64(right[:, :k].any(axis=1).mean()) for k in (1, 5)}
        if name == "distinct":
            for k in (1, 5):
                theirs = top_k_accuracy_score(labels, scores, k=k, labels=np.arange(classes))
                assert theirs == acc[f"acc{k}"], (theirs, acc)
        with warnings.catch_warnings():
            # A class that is only predicted does not count, as is wished.
            warnings.simplefilter("ignore", UserWarning)
            recall = balanced_accuracy_score(labels, predicted)
        yield name, {
            "scores": scores,
            "labels": labels,
            "ranks": right.argmax(axis=1).astype(np.int64),
            "predicted": predicted.astype(np.int64),
            **acc,
            "mean_per_class_recall": np.float64(recall),
            "confusion": confusion_matrix(labels, predicted, labels=np.arange(classes)).astype(np.int64),
        }


# Nearest neighbours


def knn(train, labels, test, k):
    """Predictions, and by how much the closest decision was made."""
    classes = labels.max() + 1
    scores = products(test, train)
    ranked = ranking(scores)
    sorted_scores = np.take_along_axis(scores, ranked, axis=1)
    margin = (sorted_scores[:, k - 1] - sorted_scores[:, k]).min()
    predicted = []
    for row, similarities in zip(ranked, sorted_scores):
        votes = np.bincount(labels[row[:k]], minlength=classes)
        sums = np.bincount(labels[row[:k]], weights=similarities[:k], minlength=classes)
        # By votes, then by sums, then the lower class.
        order = sorted(range(classes), key=lambda label: (-votes[label], -sums[label], label))
        if votes[order[0]] == votes[order[1]]:
            margin = min(margin, (sums[order[0]] - sums[order[1]]) / k)
        predicted.append(order[0])
    return np.array(predicted, np.int64), margin


def check_against_scikit_learn(train, labels, test, k, predicted):
    """Where the majority is clear, scikit-learn's classifier agrees."""
    theirs = KNeighborsClassifier(k, metric="cosine", algorithm="brute").fit(train, labels)
    votes = np.sort(theirs.predict_proba(test), axis=1)
    is_clear = votes[:, -1] > votes[:, -2]
    assert is_clear.any() and (theirs.predict(test)[is_clear] == predicted[is_clear]).all()


def knn_sets():
    ks = (1, 5, 20)

    def draw(rng):
        labels = rng.integers(0, 6, 200)
        centres = rng.normal(size=(6, 16))
        train = unit(centres[labels] + 2.5 * rng.normal(size=(200, 16)))
        test = unit(centres[rng.integers(0, 6, 80)] + 2.5 * rng.normal(size=(80, 16)))
        return train, labels.astype(np.int64), test

    def is_clear(drawn):
        return all(knn(*drawn, k)[1] >= ROUNDING for k in ks)

    train, labels, test = first_drawn(draw, is_clear)
    predicted = {f"predicted.{k}": knn(train, labels, test, k)[0] for k in ks}
    for k in ks:
        check_against_scikit_learn(train, labels, test, k, predicted[f"predicted.{k}"])
    yield "near", {"train": train, "labels": labels, "test": test, **predicted}
    rng = np.random.default_rng(3)
    train, test = (rng.integers(-2, 3, (n, 5)).astype(np.float32) for n in (90, 60))
    labels = rng.integers(0, 4, 90).astype(np.int64)
    predicted = {f"predicted.{k}": knn(train, labels, test, k)[0] for k in ks}
    yield "tied", {"train": train, "labels": labels, "test": test, **predicted}


# Linear probes


def fit(features, labels, c):
    """Weights and centred intercepts by Newton's method; another solver must find the same."""
    features = features.astype(np.float64)
    probes = [
        LogisticRegression(C=c, solver=solver, tol=tol, max_iter=100_000).fit(features, labels)
        for solver, tol in [("newton-cholesky", 1e-14), ("newton-cg", 1e-12)]
    ]
    weights, intercepts = probes[0].coef_, probes[0].intercept_
    if len(intercepts) > 1:
        intercepts = intercepts - intercepts.mean()
    assert np.abs(weights - probes[1].coef_).max() < 1e-6 * np.abs(weights).max()
    return weights, intercepts


def decision(features, weights, intercepts):
    """The score of each class; of two classes the first has 0."""
    scores = features.astype(np.float64) @ weights.T + intercepts
    return np.concatenate([np.zeros((len(scores), 1)), scores], axis=1) if scores.shape[1] == 1 else scores


def curvature(features, labels, c, weights, intercepts):
    """The objective, the length of its gradient, and the least eigenvalue of its Hessian.

    A common shift of all intercepts changes nothing; that direction is left out.
    """
    n, d = features.shape
    extended = np.concatenate([features.astype(np.float64), np.ones((n, 1))], axis=1)
    parameters = np.concatenate([weights, intercepts[:, None]], axis=1)
    scores = decision(features, weights, intercepts)
    probabilities = softmax(scores, axis=1)
    free = scores.shape[1] - len(weights)
    loss = -np.log(probabilities[np.arange(n), labels]).sum()
    residuals = (probabilities - np.eye(scores.shape[1])[labels])[:, free:]
    penalty = np.ones_like(parameters)
    penalty[:, d] = 0
    gradient = c * residuals.T @ extended + penalty * parameters
    kept = probabilities[:, free:]
    blocks = np.einsum("ni,ij->nij", kept, np.eye(kept.shape[1])) - np.einsum("ni,nj->nij", kept, kept)
    hessian = c * np.einsum("nij,na,nb->iajb", blocks, extended, extended).reshape(parameters.size, -1)
    hessian += np.diag(penalty.ravel())
    eigenvalues = np.linalg.eigvalsh(hessian)
    if not free:
        assert abs(eigenvalues[0]) < 1e-9 < eigenvalues[1]
        eigenvalues = eigenvalues[1:]
    objective = c * loss + 0.5 * (weights**2).sum()
    return objective, np.linalg.norm(gradient), eigenvalues[0]


def linear_probe_sets():
    for name, classes, c, noise in [("five", 5, 100.0, 1.0), ("five-strict", 5, 0.1, 1.0), ("two", 2, 30.0, 1.5)]:
        rng = np.random.default_rng(4)
        centres = 0.3 * rng.normal(size=(classes, 16))

        def draw(n):
            labels = rng.integers(0, classes, n).astype(np.int64)
            # Some directions hardly vary, as in real embeddings.
            spread = noise * np.geomspace(2, 0.1, 16)
            return unit(centres[labels] + spread * rng.normal(size=(n, 16)) + 1), labels

        (train, labels), (test, test_labels) = draw(240), draw(400)
        weights, intercepts = fit(train, labels, c)
        objective, gradient_norm, least = curvature(train, labels, c, weights, intercepts)
        assert gradient_norm < 1e-9, gradient_norm
        scores = decision(test, weights, intercepts)
        top = np.sort(scores, axis=1)
        assert (top[:, -1] - top[:, -2]).min() > 1e-5, "a decision hangs on rounding"
        yield name, {
            "train": train,
            "labels": labels,
            "test": test,
            "test_labels": test_labels,
            "c": np.float64(c),
            "weights": weights,
            "intercepts": intercepts,
            "objective": np.float64(objective),
            "gradient_norm": np.float64(gradient_norm),
            "least_curvature": np.float64(least),
            "predicted": scores.argmax(axis=1).astype(np.int64),
            "acc1": np.float64((scores.argmax(axis=1) == test_labels).mean()),
        }


def main(fixtures):
    folder = Path(fixtures) / "eval"
    folder.mkdir(exist_ok=True)
    for task, sets in {
        "retrieval": retrieval_sets(),
        "classification": classification_sets(),
        "knn": knn_sets(),
        "linear-probe": linear_probe_sets(),
    }.items():
        for name, tensors in sets:
            path = folder / f"{task}.{name}.safetensors"
            save_atomically(tensors, path)
            print(f"{path.name}: {path.stat().st_size} bytes")


if __name__ == "__main__":
    main(sys.argv[1])
