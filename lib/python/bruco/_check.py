"""What a handler's text says before any of it runs, for ``bruco check``."""

import ast
import os
from typing import Iterator, Optional, Sequence, Set, Union

#: Names by whose use a module may have functions that its text does not show.
_DYNAMIC = {"globals", "vars", "locals", "exec", "eval", "setattr", "modules", "__getattr__"}

_Function = (ast.FunctionDef, ast.AsyncFunctionDef)


def find(folder: str, module: str) -> Optional[str]:
    """The file of a module's text; None when it is another kind of module, or somewhere else."""
    path = os.path.join(folder, *module.split("."))
    for file in (os.path.join(path, "__init__.py"), path + ".py"):
        if os.path.isfile(file):
            return file
    return None


def parse(folder: str, module: str, handlers: Sequence[str]) -> str:
    """What is wrong with a module, as lines "file:line:column: text"; "" for nothing.

    `handlers` are the functions of which a module has one.
    """
    file = find(folder, module)
    if file is None:
        return ""
    try:
        with open(file, "rb") as stream:
            text = stream.read()
        tree = ast.parse(text, file)
        compile(text, file, "exec", dont_inherit=True)
    except OSError as error:
        return f"{file}: cannot read it: {error.strerror}"
    except SyntaxError as error:
        return f"{file}:{error.lineno or 1}:{error.offset or 1}: {error.msg}"
    except (ValueError, RecursionError, MemoryError) as error:  # NUL bytes; too deep
        return f"{file}: {error or type(error).__name__}"
    names = set(_bound(tree))
    if names.isdisjoint(handlers) and not _is_dynamic(tree, handlers):
        return f"{file}: no {handlers[0]}"
    return ""


def _bound(tree: ast.Module) -> Iterator[str]:
    """The names that a module's own statements bind, whatever branch they are in."""
    nodes: "list[ast.AST]" = list(tree.body)
    while nodes:
        node = nodes.pop()
        if isinstance(node, _Function) or isinstance(node, ast.ClassDef):
            yield node.name
            continue  # its body is another scope
        if isinstance(node, ast.Lambda):
            continue
        if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            yield node.id
        elif isinstance(node, (ast.Import, ast.ImportFrom)):
            yield from _imported(node)
        nodes.extend(ast.iter_child_nodes(node))


def _imported(node: Union[ast.Import, ast.ImportFrom]) -> Iterator[str]:
    for alias in node.names:
        yield alias.asname or alias.name.split(".")[0]


def _is_dynamic(tree: ast.Module, handlers: Sequence[str]) -> bool:
    used: Set[str] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Name) and node.id not in handlers:
            used.add(node.id)
        elif isinstance(node, ast.Attribute) and node.attr not in handlers:
            used.add(node.attr)
        elif isinstance(node, _Function) and node.name not in handlers:
            used.add(node.name)
        elif isinstance(node, ast.Global):
            used.update(name for name in node.names if name in handlers)
        elif isinstance(node, ast.ImportFrom):
            used.update(alias.name for alias in node.names if alias.name not in handlers)
    return "*" in used or not used.isdisjoint(_DYNAMIC) or not used.isdisjoint(handlers)
