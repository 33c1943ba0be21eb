"""Adapters: one small module for each library that needs more of farpool than an `Executor`.

Each imports its library, and is imported by whoever uses it: nothing here costs those who do not.

| module | for |
|---|---|
| `farpool.adapters.joblib` | `joblib.parallel_config(backend="farpool")`, and with it scikit-learn |
| `farpool.adapters.parsl` | Parsl: a native executor, and farpool inside `GlobusComputeExecutor` |

Libraries that take any `concurrent.futures.Executor` need no module: see the recipes in the documentation.
"""
