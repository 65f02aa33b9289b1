"""Every requirement has a recipe at the pinned python-for-android or is pure Python, and builds for Android 5."""

import ast
import re
import sys
from importlib.metadata import PackageNotFoundError, distribution, packages_distributions, version
from pathlib import Path
from typing import Any

import pytest

p4a = pytest.importorskip("pythonforandroid", reason="p4a not installed: pip install 'edge-wbc[android]'")

OURS = {"edge_wbc", "mobile_app"}
RECIPE_OF = {"cv2": "opencv", "jnius": "pyjnius"}  # where a module is called otherwise than its recipe
# Desktop only, and only where they are: core/interpreter.py looks for whichever runtime is installed.
NEVER_ON_THE_PHONE = {"torch", "torchvision", "scipy", "pandas", "tensorflow"}


@pytest.fixture
def requirements(buildozer: Any) -> dict[str, str]:
    """Name to version, "" where the tag of p4a decides."""
    asked = [item.partition("==") for item in buildozer.config.getlist("app", "requirements")]
    return {name: version for name, _, version in asked}


@pytest.fixture
def context(tmp_path: Path) -> Any:
    from pythonforandroid.bootstrap import Bootstrap
    from pythonforandroid.build import Context

    context = Context()
    context.setup_dirs(str(tmp_path))
    context.ndk_api = 21
    context.set_archs(["armeabi-v7a"])
    context.bootstrap = Bootstrap.get_bootstrap("sdl2", context)
    return context


def ordered(context: Any, requirements: dict[str, str]) -> tuple[list[Any], list[str]]:
    """The recipes in the order they are built, and what pip installs."""
    from pythonforandroid.graph import get_recipe_order_and_bootstrap
    from pythonforandroid.recipe import Recipe

    names, modules, _ = get_recipe_order_and_bootstrap(context, list(requirements), context.bootstrap)
    return [Recipe.get_recipe(name, context) for name in names], modules


def too_new(recipes: list[Any], api: int) -> dict[str, int]:
    """Recipes that need a later Android than `api`; p4a's graph does not ask. Later tags say `min_ndk_api_support`."""
    needs = {
        recipe.name: max(getattr(recipe, "min_ndk_api_support", 0), getattr(recipe, "MIN_NDK_API", 0))
        for recipe in recipes
    }
    return {name: need for name, need in needs.items() if need > api}


def third_party(staged: Path) -> dict[str, str]:
    """Top-level modules imported anywhere in the staged tree, in functions too -> a file that does."""
    found: dict[str, str] = {}
    for file in staged.rglob("*.py"):
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            if isinstance(node, ast.ImportFrom) and node.level == 0:
                names = [str(node.module)]
            for name in names:
                found[name.partition(".")[0]] = file.relative_to(staged).as_posix()
    return {name: file for name, file in found.items() if name not in OURS and name not in sys.stdlib_module_names}


def is_pure(name: str, wanted: str) -> bool:
    """Whether the very version that the phone gets, which the extra `android` pins too, is a wheel for any machine."""
    try:
        installed = distribution(name)
    except PackageNotFoundError:
        return False
    wheel = installed.read_text("WHEEL") or ""
    return installed.version == wanted and "Root-Is-Purelib: true" in wheel and "-none-any" in wheel


def test_it_is_the_pinned_p4a(buildozer: Any) -> None:
    year, month, day = buildozer.config.get("app", "p4a.branch").lstrip("v").split(".")
    assert version("python-for-android") == f"{year}.{int(month)}.{day}"


def test_the_graph_resolves_and_android_5_will_do(context: Any, requirements: dict[str, str]) -> None:
    recipes, modules = ordered(context, requirements)
    names = [recipe.name for recipe in recipes]
    assert {"python3", "numpy", "opencv", "pyjnius", "android", "kivy", "sqlite3", "sdl2"} <= set(names)
    assert names.index("numpy") < names.index("opencv")
    assert [arch.arch for arch in context.archs] == ["armeabi-v7a"]
    assert too_new(recipes, context.ndk_api) == {}
    assert max(getattr(recipe, "MIN_NDK_API", 0) for recipe in recipes) == 21  # the rule has something to look at
    assert {name for name in modules if not is_pure(name, requirements.get(name, ""))} == set()


def test_a_recipe_that_is_too_new_is_noticed(context: Any, requirements: dict[str, str]) -> None:
    recipes, _ = ordered(context, requirements)
    assert too_new(recipes, 20) == {"python3": 21}
    next(recipe for recipe in recipes if recipe.name == "numpy").min_ndk_api_support = 24
    try:
        assert too_new(recipes, 21) == {"numpy": 24}
    finally:
        del next(recipe for recipe in recipes if recipe.name == "numpy").min_ndk_api_support


def test_p4a_takes_the_ndk_and_the_apis(buildozer: Any, tmp_path: Path) -> None:
    from pythonforandroid import recommendations

    android = buildozer.target
    (tmp_path / "source.properties").write_text("Pkg.Desc = Android NDK\nPkg.Revision = 25.1.8937393\n")
    recommendations.check_ndk_version(str(tmp_path))
    assert android.android_ndk_version == recommendations.RECOMMENDED_NDK_VERSION
    assert int(android.android_minapi) >= recommendations.MIN_NDK_API
    assert int(android.android_api) >= recommendations.MIN_TARGET_API
    recommendations.check_ndk_api(int(android.android_minapi), int(android.android_api))


def test_pins_are_the_recipes(context: Any, requirements: dict[str, str]) -> None:
    recipes, modules = ordered(context, requirements)
    theirs = {recipe.name: recipe._version for recipe in recipes}
    ours = {name: version for name, version in requirements.items() if version and name in theirs}
    assert ours == {name: theirs[name] for name in ours}
    assert set(requirements) - set(theirs) <= set(modules)
    assert {name for name, pin in requirements.items() if not pin} == {"android"}  # it has none


def test_every_import_of_the_staged_app_is_there(staged: Path, context: Any, requirements: dict[str, str]) -> None:
    recipes, modules = ordered(context, requirements)
    there = {recipe.name for recipe in recipes} | {re.sub("[-_.]+", "-", name).lower() for name in modules}
    imports = third_party(staged)
    assert {"numpy", "cv2"} <= set(imports)
    assert not NEVER_ON_THE_PHONE & set(imports)
    homes = packages_distributions()

    def brought(module: str) -> bool:
        named = {RECIPE_OF.get(module, module), *homes.get(module, [])}
        return any(re.sub("[-_.]+", "-", name).lower() in there for name in named)

    assert {module: file for module, file in imports.items() if not brought(module)} == {}


def test_an_import_without_a_recipe_is_noticed(tmp_path: Path) -> None:
    (tmp_path / "wrong.py").write_text(
        "def f():\n    import scipy.ndimage\n    from torch import nn\n    import json\n"
    )
    assert third_party(tmp_path) == {"scipy": "wrong.py", "torch": "wrong.py"}
    assert not is_pure("numpy", version("numpy")) and not is_pure("certifi", "1.0")
