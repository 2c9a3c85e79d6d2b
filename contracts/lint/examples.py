"""Rules on examples: what is shown keeps the schema beside it, and there is one to show."""

from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import jsonschema_rs

from wixture.contracts import pointers
from wixture.contracts.lint.outline import Node, Outline, Problem, mapping, operations, short

_URN = "urn:document"

Check = Callable[[str, Any], Iterator[str]]
"""From a schema's pointer and a value to what is wrong with the value, a sentence each."""


class _Example(NamedTuple):
    pointer: str
    value: Any
    schema: str


def examples_valid(outline: Outline) -> Iterator[Problem]:
    for owner in outline.of("media type", "parameter", "header"):
        yield from _misstated(outline, owner)
    try:
        check = _checker(outline.root)
    except ValueError as error:
        yield Problem("", f"No example could be checked: {short(error)}. Expected plain JSON. Correct that first.")
        return
    for example in _examples(outline):
        for sentence in check(example.schema, example.value):
            yield Problem(example.pointer, f"The example {sentence} Correct the example or the schema.")


def _misstated(outline: Outline, owner: Node) -> Iterator[Problem]:
    if "example" in owner.value and "examples" in owner.value:
        yield Problem(owner.pointer, "There are `example` and `examples`; expected one of the two. Remove one.")
    for name, example in outline.entries(owner, "examples"):
        if "externalValue" in example.value:
            said = f"The example {name} is external; expected a `value`, because nothing is fetched"
            yield Problem(example.pointer, f"{said}. Copy it into the document.")
        elif "value" not in example.value:
            yield Problem(example.pointer, f"The example {name} has no `value`; expected one. Add it.")


def _examples(outline: Outline) -> Iterator[_Example]:
    for owner in outline.of("media type", "parameter", "header"):
        schema = f"{owner.pointer}/schema"
        if not isinstance(owner.value.get("schema"), dict | bool):
            continue
        if "example" in owner.value:
            yield _Example(f"{owner.pointer}/example", owner.value["example"], schema)
        for _, example in outline.entries(owner, "examples"):
            if "value" in example.value:
                yield _Example(f"{example.pointer}/value", example.value["value"], schema)
    for owner in outline.of("schema"):
        yield from _examples_of_schema(owner)


def _examples_of_schema(schema: Node) -> Iterator[_Example]:
    if "example" in schema.value:
        yield _Example(f"{schema.pointer}/example", schema.value["example"], schema.pointer)
    examples = schema.value.get("examples")
    for index, value in enumerate(examples if isinstance(examples, list) else ()):
        yield _Example(f"{schema.pointer}/examples/{index}", value, schema.pointer)


def _checker(root: dict[str, Any]) -> Check:
    """A check against the schemas of `root`, by linear-time regular expressions and without a network."""
    registry = jsonschema_rs.Registry([(_URN, root)])
    compiled: dict[str, jsonschema_rs.Draft202012Validator | str] = {}

    def check(schema: str, value: Any) -> Iterator[str]:
        if schema not in compiled:
            compiled[schema] = _compile(registry, schema)
        validator = compiled[schema]
        if isinstance(validator, str):
            yield f"was not checked, because the schema {schema} cannot be used: {validator}."
        else:
            yield from (_sentence(error) for error in validator.iter_errors(value))

    return check


def _compile(registry: jsonschema_rs.Registry, schema: str) -> jsonschema_rs.Draft202012Validator | str:
    try:
        return jsonschema_rs.Draft202012Validator(
            {"$ref": _URN + pointers.to_fragment(schema)},
            registry=registry,
            validate_formats=True,
            pattern_options=jsonschema_rs.RegexOptions(),
            offline=True,
        )
    except (ValueError, jsonschema_rs.ReferencingError) as error:
        return short(str(error).partition("\n")[0])


def _sentence(error: jsonschema_rs.ValidationError) -> str:
    where = pointers.join(*error.instance_path) or "the top"
    rule = pointers.join(*error.schema_path)
    return f"breaks its schema at {where}: {short(error.message)}, as {rule} demands."


def example_present(outline: Outline) -> Iterator[Problem]:
    for media in _shown(outline):
        if not _has_example(outline, media):
            said = "There is no example; expected at least one for a JSON body. Add `examples`."
            yield Problem(media.pointer, said, "warning")


def _shown(outline: Outline) -> Iterator[Node]:
    """The JSON of every request body and of every 200 response."""
    for operation in operations(outline):
        yield from outline.json_media(outline.request_body(operation))
        for status, response in outline.entries(operation.node, "responses"):
            if status == "200":
                yield from outline.json_media(response)


def _has_example(outline: Outline, media: Node) -> bool:
    if "example" in media.value or mapping(media.value.get("examples")):
        return True
    schema = mapping(media.value.get("schema"))
    landed = outline.landing(Node("schema", f"{media.pointer}/schema", schema)) if schema else None
    return landed is not None and ("example" in landed.value or bool(landed.value.get("examples")))
