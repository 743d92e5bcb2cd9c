package espalier.jinja;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.atomic.AtomicReference;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** A template cannot hang the process, fill its memory or overflow its stack. */
class LimitsTest {
    /** Half of what Java gives a thread on most machines, so that a limit holds there with room to spare. */
    private static final long STACK_BYTES = 512 << 10;

    private static TemplateException failure(String template, Map<String, ?> variables) throws InterruptedException {
        AtomicReference<Throwable> thrown = new AtomicReference<>();
        Thread thread = new Thread(
                null,
                () -> {
                    try {
                        Template.compile(template).render(variables);
                    } catch (Throwable e) {
                        thrown.set(e);
                    }
                },
                "template",
                STACK_BYTES);
        thread.start();
        thread.join();
        assertThat(thrown.get())
                .as(template.substring(0, Math.min(80, template.length())))
                .isInstanceOf(TemplateException.class);
        return (TemplateException) thrown.get();
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "{% macro m() %}{{ m() }}{% endmacro %}{{ m() }}",
                "{% macro a(n) %}{% if n %}{% for x in [1] %}{{ b(n) ~ '' }}{% endfor %}{% endif %}{% endmacro %}"
                        + "{% macro b(n) %}{% filter upper %}{{ (((a(n)))) | trim }}{% endfilter %}{% endmacro %}{{ a(1) }}",
                "{% for x in [[1]] recursive %}{{ loop([x]) }}{% endfor %}",
                "{% macro m() %}{% call m() %}{{ caller() }}{% endcall %}{% endmacro %}{{ m() }}",
                "{% block b %}{{ self.b() }}{% endblock %}",
                "{% set ns = namespace() %}{% set ns.self = ns %}{{ ns }}",
                "{% set ns = namespace(x=[]) %}{% for i in range(2000) %}{% set ns.x = [ns.x] %}{% endfor %}{{ ns.x }}",
                "{% set ns = namespace(x=[]) %}{% for i in range(2000) %}{% set ns.x = [ns.x] %}{% endfor %}{{ ns.x | tojson }}",
                "{% set ns = namespace(x=[], y=[]) %}{% for i in range(2000) %}{% set ns.x = [ns.x] %}{% set ns.y = [ns.y] %}"
                        + "{% endfor %}{{ ns.x == ns.y }}",
                "{% set ns = namespace(x=[], y=[]) %}{% for i in range(2000) %}{% set ns.x = [ns.x] %}{% set ns.y = [ns.y] %}"
                        + "{% endfor %}{{ ns.x < ns.y }}",
                "{% for a in range(100000) %}{% for b in range(100000) %}{% endfor %}{% endfor %}",
                "{% for a in range(100000) %}{{ 'x' * 10000 }}{% endfor %}",
                "{% set ns = namespace(s='ab') %}{% for i in range(100) %}{% set ns.s = ns.s ~ ns.s %}{% endfor %}",
                "{% set ns = namespace(s=[1]) %}{% for i in range(100) %}{% set ns.s = ns.s + ns.s %}{% endfor %}",
                "{% set ns = namespace(s=[1]) %}{% for i in range(40) %}{% set ns.s = [ns.s, ns.s] %}{% endfor %}{{ ns.s }}",
                "{% set ns = namespace(s=1, t=1) %}{% for i in range(40) %}{% set ns.s = [ns.s, ns.s] %}{% set ns.t = [ns.t, ns.t] %}"
                        + "{% endfor %}{{ ns.s == ns.t }}",
                "{{ 'x' * 100000000000 }}",
                "{{ [1] * 1000000000 }}",
                "{{ 9 ** 999999999 }}",
                "{% set ns = namespace(n=3) %}{% for i in range(100) %}{% set ns.n = ns.n * ns.n %}{% endfor %}",
                "{{ '%999999999d' % 1 }}",
                "{{ '{:999999999}'.format(1) }}",
                "{{ 'x'.center(999999999) }}",
                "{{ 'x'.ljust(99999999999999999999) }}",
                "{{ 'x' | indent(999999999, true) }}",
                "{{ [1] | batch(999999999, 1) | list }}",
                "{{ [1] | slice(999999999) | list }}",
                "{{ [1] | tojson(indent=999999999) }}",
                "{{ 'a\tb'.expandtabs(999999999) }}",
                "{% set ns = namespace(n=1) %}{% for i in range(100000) %}{% set ns.n = 3 ** 20000 // 7 %}{% endfor %}",
                "{{ 'a' * 20000000 in 'a' * 30000000 }}",
                "{{ ('a' * 30000000).strip('b' * 1000000 ~ 'a') }}",
                "{{ ('a' ~ '-' * 1000000) | wordwrap }}",
                "{% set ns = namespace(x=()) %}{% for i in range(2000) %}{% set ns.x = (ns.x, ns.x) %}{% endfor %}{{ {ns.x: 1} }}",
                "{% set ns = namespace(x=()) %}{% for i in range(2000) %}{% set ns.x = (ns.x, ns.x) %}{% endfor %}{{ {}[ns.x] }}",
                "{{ range(999999999) }}"
            })
    void whatAsksForTooMuchIsRefused(String template) throws InterruptedException {
        assertThat(failure(template, Map.of()).kind()).isEqualTo(TemplateException.Kind.LIMIT);
    }

    @Test
    void sourcesThatNestTooDeepAreRefused() throws InterruptedException {
        int many = 20_000;
        for (String template : List.of(
                "{{ " + "(".repeat(many) + "1" + ")".repeat(many) + " }}",
                "{{ " + "[".repeat(many) + "]".repeat(many) + " }}",
                "{{ " + "not ".repeat(many) + "1 }}",
                "{{ " + "- ".repeat(many) + "1 }}",
                "{{ 1" + " + 1".repeat(many) + " }}",
                "{{ 1" + " and 1".repeat(many) + " }}",
                "{{ 1" + " ** 1".repeat(many) + " }}",
                "{{ a" + ".a".repeat(many) + " }}",
                "{{ a" + "|list".repeat(many) + " }}",
                "{{ a" + "()".repeat(many) + " }}",
                "{{ 1" + " if 1 else 1".repeat(many) + " }}",
                "{{ " + "{1:".repeat(many) + " }}",
                "{{ a" + "[a".repeat(many) + "]".repeat(many) + " }}",
                "{% if 1 %}".repeat(many) + "{% endif %}".repeat(many),
                "{% for x in y %}".repeat(many) + "{% endfor %}".repeat(many),
                "{% filter " + "upper|".repeat(many) + "upper %}{% endfilter %}")) {
            assertThat(failure(template, Map.of()).kind()).isEqualTo(TemplateException.Kind.LIMIT);
        }
    }

    @Test
    void longNumbersTakeNoStack() throws InterruptedException {
        assertThat(failure("{{ 1" + "_1".repeat(20_000) + " }}", Map.of()).kind())
                .isEqualTo(TemplateException.Kind.SYNTAX);
        assertThat(failure("{{ (('1_1' * 20000) | float) ~ x.y.z }}", Map.of()).kind())
                .isEqualTo(TemplateException.Kind.FAILED);
    }

    @Test
    void whatIsAllowedFitsTheStack() throws InterruptedException {
        String deep = "{% if 1 %}".repeat(140) + "{{ x" + " + 1".repeat(490) + " }}" + "{% endif %}".repeat(140);
        assertThat(failure(deep + "{{ y.z }}", Map.of("x", 1)).kind()).isEqualTo(TemplateException.Kind.FAILED);
    }

    @Test
    void variablesThatNestTooDeepAreRefused() throws InterruptedException {
        List<Object> nested = new ArrayList<>();
        for (int i = 0; i < 100_000; i++) {
            nested = new ArrayList<>(List.of(nested));
        }
        assertThat(failure("{{ x }}", Map.of("x", nested)).kind()).isEqualTo(TemplateException.Kind.LIMIT);
    }

    @Test
    void longTextsOfManyAlphabetsAreIndexedInOneStep() {
        String text = "\ud83d\ude00 naïve ".repeat(3000);
        String template =
                "{% set ns = namespace(n=0) %}{% for i in range(s | length) %}{% if s[i] == 'v' %}{% set ns.n = ns.n + 1 %}"
                        + "{% endif %}{% endfor %}{{ ns.n }}";
        assertThat(Template.compile(template).render(Map.of("s", text))).isEqualTo("3000");
    }

    @Test
    void errorsCarryTheirLine() {
        assertThatThrownBy(() -> Template.compile("a\n{% if x %}\n{{ x.y.z }}\n{% endif %}")
                        .render(Map.of("x", Map.of("k", 1))))
                .isInstanceOfSatisfying(
                        TemplateException.class, e -> assertThat(e.line()).isEqualTo(3));
        assertThatThrownBy(() -> Template.compile("a\n\n{{ 'x' | nope }}"))
                .isInstanceOfSatisfying(
                        TemplateException.class, e -> assertThat(e.line()).isEqualTo(3));
        assertThatThrownBy(() ->
                        Template.compile("\n{{ raise_exception('because') }}").render(Map.of()))
                .hasMessage("because")
                .isInstanceOfSatisfying(
                        TemplateException.class, e -> assertThat(e.kind()).isEqualTo(TemplateException.Kind.RAISED));
    }

    @Test
    void generationsAreRangesOfTheText() {
        var rendered = Template.compile("ab{% generation %}cd{% endgeneration %}e{% generation %}f{% endgeneration %}")
                .renderWithGenerations(Map.of());
        assertThat(rendered.text()).isEqualTo("abcdef");
        assertThat(rendered.generations()).containsExactly(new Template.Span(2, 4), new Template.Span(5, 6));
    }

    @Test
    void functionsOfTheHostTakeAndGivePlainValues() {
        Template template = Template.compile(
                "{{ add(1, [2, none], x='y') }}", Map.of("add", (positional, named) -> List.of(positional, named)));
        assertThat(template.render(Map.of())).isEqualTo("[[1, [2, None]], {'x': 'y'}]");
    }
}
