"""What an adapter takes from the modules of its trainer, read from the adapter's own source.

`taken(source, namespace)` walks the syntax tree and lists "package.module:Class.attribute" for
everything that is an attribute of a module of the trainer: of `import_module(...)`, of what an
import statement binds, of the value of a hook that `verify` returns, and of a parameter that is
annotated `ModuleType`, which is listed as "?:attribute". Methods that a class of the adapter
replaces in a class of the trainer, or calls by `super()`, are listed as "*:name", because the class
is known at run time only.
"""

import ast
import sys

OWN = {"creditlib", "torch", "numpy", *sys.stdlib_module_names}


def taken(source, namespace):
    """The set of paths that the source takes; `namespace` is that of the adapter's module."""
    walk = _Walk(namespace)
    walk.visit(ast.parse(source))
    return walk.paths


def covered(path, hooks, value_types=()):
    """Whether a path is a hook, the owner of one, or a member of a hook that is a plain value."""
    module, _, attribute = path.partition(":")
    if module == "*":
        return any(hook.replace(":", ".").endswith(f".{attribute}") for hook in hooks)
    if module == "?":
        return any(f"{hook}.".partition(":")[2].startswith(f"{attribute}.") for hook in hooks)
    inside = any(path.startswith(f"{hook}.") for hook in value_types)
    return inside or any(hook == path or hook.startswith(f"{path}.") for hook in hooks)


class _Walk(ast.NodeVisitor):
    def __init__(self, namespace):
        self.namespace, self.paths = namespace, set()
        self.names = [{}]  # of each function inside another: what a name is of the trainer
        self.classes = []

    def origin(self, node):
        """Where an expression of the trainer comes from, "module:attribute"; None if elsewhere."""
        if isinstance(node, ast.Name):
            return next((each[node.id] for each in reversed(self.names) if node.id in each), None)
        if isinstance(node, ast.Attribute):
            owner = self.origin(node.value)
            return None if owner is None else _joined(owner, node.attr)
        if isinstance(node, ast.Call):
            return self.of_call(node)
        if isinstance(node, ast.Subscript) and ast.unparse(node.value) == "sys.modules":
            return f"{self.value(node.slice)}:"
        return None

    def of_call(self, node):
        function = ast.unparse(node.func).rpartition(".")[2]
        if function in ("import_module", "__import__") and node.args:
            return f"{self.value(node.args[0])}:"
        if function == "verify" and len(node.args) == 2:
            hook = self.value(node.args[1])
            return getattr(hook, "path", None)
        if function == "getattr" and len(node.args) > 1 and isinstance(node.args[1], ast.Constant):
            owner = self.origin(node.args[0])
            return None if owner is None else _joined(owner, node.args[1].value)
        if function == "cast" and len(node.args) == 2:
            return self.origin(node.args[1])
        return "*:" if function == "super" else None

    def value(self, node):
        """The value of a constant expression of the module; its text where it has none."""
        try:
            return eval(ast.unparse(node), dict(self.namespace))
        except Exception:
            return f"<{ast.unparse(node)}>"

    def visit_Import(self, node):
        for each in node.names:
            package = each.name.partition(".")[0]
            if package not in OWN:
                self.names[-1][each.asname or package] = f"{each.name if each.asname else package}:"

    def visit_ImportFrom(self, node):
        if node.module and node.module.partition(".")[0] not in OWN:
            for each in node.names:
                self.names[-1][each.asname or each.name] = f"{node.module}:{each.name}"
                self.paths.add(f"{node.module}:{each.name}")

    def visit_FunctionDef(self, node):
        if self.classes and not node.name.startswith("__"):
            self.paths.add(f"*:{node.name}")
        outer, self.classes = self.classes, []
        scope = {}
        for each in (*node.args.posonlyargs, *node.args.args, *node.args.kwonlyargs):
            if each.annotation is not None and ast.unparse(each.annotation) == "ModuleType":
                scope[each.arg] = "?:"
        self.names.append(scope)
        self.generic_visit(node)
        self.names.pop()
        self.classes = outer

    visit_AsyncFunctionDef = visit_FunctionDef  # noqa: N815 - the name that ast.NodeVisitor calls

    def visit_ClassDef(self, node):
        """Its methods are of the trainer if one of its bases is known at run time only."""
        named = {ast.unparse(base) for base in node.bases}
        dynamic = any(name.lstrip("*") in ("base", "bases") for name in named)
        outer, self.classes = self.classes, [node.name] if dynamic else []
        self.generic_visit(node)
        self.classes = outer

    def visit_Assign(self, node):
        self.generic_visit(node)
        for target in node.targets:
            self.bind(target, node.value)

    def visit_AnnAssign(self, node):
        self.generic_visit(node)
        if node.value is not None:
            self.bind(node.target, node.value)

    def bind(self, target, value):
        if isinstance(target, ast.Tuple) and isinstance(value, ast.Tuple):
            for each, own in zip(target.elts, value.elts, strict=True):
                self.bind(each, own)
        elif isinstance(target, ast.Name):
            origin = self.origin(value)
            if origin is None:
                self.names[-1].pop(target.id, None)
            else:
                self.names[-1][target.id] = origin

    def visit_Attribute(self, node):
        self.record(node)
        self.generic_visit(node)

    def visit_Call(self, node):
        self.record(node)
        self.generic_visit(node)

    def record(self, node):
        path = self.origin(node)
        if path and not path.endswith(":") and not _is_dunder(path):
            self.paths.add(path)


def _joined(owner, attribute):
    return f"{owner}{attribute}" if owner.endswith(":") else f"{owner}.{attribute}"


def _is_dunder(path):
    """Every object has such a name; `__self__` leads from a method to its class, so it counts."""
    last = path.replace(":", ".").rpartition(".")[2]
    return last.startswith("__") and last != "__self__"
