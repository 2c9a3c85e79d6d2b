"""Rules on the document as a whole: is it OpenAPI 3.1 at all?"""

import re
from collections.abc import Iterator
from typing import Any, NoReturn

from wixture.contracts import pointers
from wixture.contracts.lint.outline import Outline, Problem, short, text


def json_values(outline: Outline) -> Iterator[Problem]:
    yield from outline.foreign
    if not outline.root:
        yield Problem("", "The document is no object with content; expected one with `openapi` and `info`.")


def openapi_version(outline: Outline) -> Iterator[Problem]:
    version = outline.root.get("openapi")
    if not re.fullmatch(r"3\.1\.[0-9]+", text(version)):
        pointer = "/openapi" if "openapi" in outline.root else ""
        said = "no `openapi` version" if version is None else f"`openapi: {short(version)}`"
        yield Problem(pointer, f"The document has {said}; expected 3.1.0 or 3.1.1. State the version it keeps.")


def valid_document(outline: Outline) -> Iterator[Problem]:
    """What openapi-spec-validator says. It is asked only about documents that need no other document."""
    if not re.match(r"3\.1\.", text(outline.root.get("openapi"))) or _refers_elsewhere(outline):
        return
    try:
        for error in _spec_errors(outline.root):
            yield Problem(_place(outline, error), _said(error))
    except Exception as error:  # the validator has no list of what it may raise on malformed documents
        said = short(f"{type(error).__name__} {error}")
        yield Problem("", f"openapi-spec-validator gave up on the document ({said}). Fix the other findings.")


def _refers_elsewhere(outline: Outline) -> bool:
    refs = (node.value["$ref"] for node in outline.nodes.values() if "$ref" in node.value)
    return any(not text(ref).startswith("#") for ref in refs)


def _spec_errors(root: dict[str, Any]) -> Iterator[Any]:
    from openapi_spec_validator import OpenAPIV31SpecValidator  # takes a second to import

    class LocalValidator(OpenAPIV31SpecValidator):
        resolver_handlers: Any = dict.fromkeys(("<all_urls>", "http", "https", "file"), _refuse)

    yield from LocalValidator(root).iter_errors()


def _refuse(uri: str, *_: Any) -> NoReturn:
    raise LookupError(f"{uri} is another document, which is never fetched")


def _place(outline: Outline, error: Any) -> str:
    """Where `error` is. The validator tells the path from the document, or from a schema it does not name."""
    path = pointers.join(*error.absolute_path)
    if error.instance == outline.root:
        return path
    holders = (node for node in outline.of("schema") if path and _leads(node.value, path, error.instance))
    return next((holder.pointer + path for holder in holders), "")


def _leads(schema: dict[str, Any], path: str, value: Any) -> bool:
    try:
        return bool(pointers.resolve(schema, path) == value)
    except LookupError:
        return False


def _said(error: Any) -> str:
    while error.context:
        error = max(error.context, key=lambda each: len(each.absolute_path))
    message = short(error.message.partition("\n")[0])
    return f"Not OpenAPI 3.1: {message}. Expected what the specification allows there. Correct it."
