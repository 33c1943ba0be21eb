"""The part of the packaging that pyproject.toml cannot say: `src/` itself is the package `farpool`."""

from setuptools import find_packages, setup

setup(package_dir={"farpool": "src"}, packages=["farpool", *(f"farpool.{room}" for room in find_packages("src"))])
