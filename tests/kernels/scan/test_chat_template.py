import pytest
from hypothesis import given
from hypothesis import strategies as st

from holdfast.kernels.scan.chat_template import LONGEST, judge_template
from holdfast.kernels.scan.observation import Place
from holdfast.kernels.scan.record import Record

REACH = "cycler.__init__.__globals__.os.system('x')"


def found(text: str) -> set[str]:
    record = Record(Place(("f",), 0, 1))
    judge_template(record, text)
    return {f"{one.kind} {one.rule}" for one in record.observations}


@pytest.mark.parametrize(
    "text",
    [
        "{{ ''.__class__.__mro__[1].__subclasses__() }}",
        "{{ x|attr('\\x5f\\x5fclass\\x5f\\x5f') }}",
        "{{ x|map('attr', name) }}",
        "{% set y = cycler.next %}",
        "{{ messages['_' ~ '_class'] }}",
        "{% include '/etc/passwd' %}",
        "{%- from 'x' import y %}",
        "hello {% if lipsum %}x{% endif %}",
        r"{{ namespace['\137\137init\137\137'] }}",
        r"{{ namespace['\N{LOW LINE}_init'] }}",
        r"{{ namespace['\U0000005f_init'] }}",
        "{% set u = '_' * 2 %}{{ x[u ~ 'class' ~ u] }}",
        "{{ ([1]|map('string')).gi_frame.f_builtins }}",
        "{{ '}}' ~ " + REACH + " }}",
        "{{ {'a': {'b': 1}} ~ " + REACH + " }}",
        "{# " + "x" * (1 << 20) + " #}{{ " + REACH + " }}",
        "{{ " + REACH,
    ],
)
def test_template_that_reaches_into_objects_executes(text: str) -> None:
    assert found(text) == {"executes template.code"}


@pytest.mark.parametrize(
    "text",
    [
        "{{ x[bos_token]('x') }}",
        "{{ (x)('x') }}",
        "{{ x[bos_token].os.system('x') }}",
        "{{ x.system('x') }}",
        "{% set f = x[bos_token] %}{{ f('x') }}",
        "{% set range = x[bos_token] %}{{ range('x') }}",
        "{% for namespace in x %}{{ namespace('x') }}{% endfor %}",
        "{% macro m(range) %}{{ range('x') }}{% endmacro %}{{ m(x[bos_token]) }}",
        "{{ namespace[bos_token] }}",
        "{{ x[bos_token].update({'json': x}) }}",
    ],
)
def test_template_that_calls_what_none_calls_is_unknown(text: str) -> None:
    assert found(text) == {"unknown template.call"}


@pytest.mark.parametrize(
    "text",
    [
        "{% for message in messages %}{{ '<|im_start|>' + message['role'] + '\\n' + message['content'] }}{% endfor %}",
        "{% if add_generation_prompt %}{{ 'assistant' }}{% endif %}",
        "{%- set ns = namespace(found=false) -%}{{ bos_token }}{% set ns.found = true %}",
        "{{ raise_exception('Roles must alternate') }}{{ tools | tojson(indent=4) }}",
        "{%- macro show(x, depth=1) -%}{{ show(x[depth], depth + 1)|trim }}{%- endmacro %}{{ show(tools) }}",
        "{% if not (loop.first and x) or (x is not divisibleby(2)) %}{{ (x|list)[0] }}{% endif %}",
        "{% if strftime_now is defined and raise_exception is not none %}{{ strftime_now('%d %b %Y') }}{% endif %}",
        "{{ content.split('</think>')[-1].lstrip('\\n') }}{{ x.items()|map('upper')|join(', ') }}{{ messages[::-1] }}",
        "{{ tool_call.arguments | default({}) }}{{ {'a': {'b': 1}}['a'] }} __init__ and import in words {{ '_' }}"[:-9],
    ],
)
def test_ordinary_template_passes(text: str) -> None:
    assert found(text) == set()


def test_template_that_is_too_long_is_not_examined() -> None:
    assert found("x" * (LONGEST + 1)) == {"not_examined template.size"}


def test_template_in_a_file_of_its_own_is_judged(scan_file, rules) -> None:  # type: ignore[no-untyped-def]
    from tests.kernels.scan.test_worklist import zipped

    assert rules(scan_file(zipped({"chat_template.jinja": ("{{ " + REACH + " }}").encode()}))) == {
        "executes template.code"
    }


@given(st.text(st.sampled_from("{}%#'\"\\_.()[]|a1 \nxuUN0~-")))
def test_any_text_is_judged(text: str) -> None:
    found(text)
