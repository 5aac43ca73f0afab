"""Emotion models on emofeat's features, and results that say how they were obtained.

Nothing heavy is imported before it is used: PyTorch and scikit-learn come with `pip install 'emofeat[models]'`.
"""
