"""Models behind one contract: scikit-learn's, PyTorch's and wav2vec 2.0."""
