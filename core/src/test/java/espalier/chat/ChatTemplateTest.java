package espalier.chat;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import espalier.api.EngineFault;
import espalier.api.RequestRejected;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class ChatTemplateTest {
    private static final String CHATML =
            "{{ bos_token }}{% for m in messages %}<|{{ m.role }}|>{{ m.content }}<|end|>\n{% endfor %}"
                    + "{% if add_generation_prompt %}<|assistant|>{% endif %}";
    private static final String TRIMMED =
            "{% for m in messages %}[{{ m.role }}]{{ m['content'] | trim }}[/]{% endfor %}";
    private static final String LISTED =
            "{% for m in messages %}{% for part in m.content %}{{ part.type }}:{{ part.text }};"
                    + "{% endfor %}{% endfor %}";

    @TempDir
    private Path folder;

    private void write(String name, String text) throws IOException {
        Path file = folder.resolve(name);
        Files.createDirectories(file.getParent());
        Files.writeString(file, text);
    }

    private static Map<String, Object> message(String role, Object content) {
        Map<String, Object> message = new HashMap<>();
        message.put("role", role);
        message.put("content", content);
        return message;
    }

    private static ChatPrompt prompt(Continuation continuation, List<Map<String, Object>> messages) {
        return new ChatPrompt(messages, null, Map.of(), continuation);
    }

    private static ChatTemplate template(String source) {
        return ChatTemplate.of(source, Map.of("bos_token", "<s>"));
    }

    private static String ask(ChatTemplate template) {
        return template.render(ChatPrompt.user("Hi"));
    }

    @Test
    void aTemplateFileComesBeforeTheTokenizersConfig() throws IOException {
        write("tokenizer_config.json", "{\"chat_template\": \"config {{ bos_token }}\", \"bos_token\": \"<s>\"}");
        assertThat(ask(ChatTemplate.load(folder, null))).isEqualTo("config <s>");
        write("chat_template.jinja", "file {{ bos_token }}");
        assertThat(ask(ChatTemplate.load(folder, null))).isEqualTo("file <s>");
    }

    @Test
    void tokensAreTextsOrObjectsAndAnOlderFileFillsGaps() throws IOException {
        write("chat_template.jinja", "{{ bos_token }}{{ eos_token }}{{ pad_token }}{{ unk_token is defined }}");
        write("tokenizer_config.json", "{\"bos_token\": {\"content\": \"<b>\"}, \"pad_token\": null}");
        write(
                "special_tokens_map.json",
                "{\"bos_token\": \"<x>\", \"eos_token\": {\"content\": \"<e>\"}, \"pad_token\": \"<p>\"}");
        assertThat(ask(ChatTemplate.load(folder, null))).isEqualTo("<b><e>False");
    }

    @Test
    void theTemplateForToolsServesWhenToolsAreGiven() throws IOException {
        write(
                "tokenizer_config.json",
                "{\"chat_template\": [{\"name\": \"default\", \"template\": \"plain\"},"
                        + " {\"name\": \"tool_use\", \"template\": \"tools {{ tools[0].function.name }}\"},"
                        + " {\"name\": \"broken\", \"template\": \"{% nonsense %}\"}]}");
        ChatTemplate template = ChatTemplate.load(folder, null);
        assertThat(ask(template)).isEqualTo("plain");
        List<Map<String, Object>> tools = List.of(Map.of("type", "function", "function", Map.of("name", "f")));
        var withTools = new ChatPrompt(List.of(message("user", "Hi")), tools, Map.of(), Continuation.NONE);
        assertThat(template.render(withTools)).isEqualTo("tools f");
    }

    @Test
    void aFlagNamesAFileOrOneOfTheModelsTemplates() throws IOException {
        write("chat_template.jinja", "default");
        write("additional_chat_templates/rag.jinja", "rag");
        write("mine.jinja", "mine");
        write("mine.json", "{\"chat_template\": \"json\"}");
        write("conversation.json", "{\"name\": \"x\", \"sep_style\": \"CHATML\"}");
        assertThat(ask(ChatTemplate.load(folder, "rag"))).isEqualTo("rag");
        assertThat(ask(ChatTemplate.load(folder, folder.resolve("mine.jinja").toString())))
                .isEqualTo("mine");
        assertThat(ask(ChatTemplate.load(folder, folder.resolve("mine.json").toString())))
                .isEqualTo("json");
        assertThatThrownBy(() -> ChatTemplate.load(folder, "nothing"))
                .isInstanceOf(EngineFault.class)
                .hasMessageContaining("default, rag");
        assertThatThrownBy(() -> ChatTemplate.load(
                        folder, folder.resolve("conversation.json").toString()))
                .isInstanceOf(EngineFault.class)
                .hasMessageContaining(".jinja");
    }

    @Test
    void aTemplateThatDoesNotCompileIsAFaultWithItsLine() throws IOException {
        write("chat_template.jinja", "a\n{% if %}");
        assertThatThrownBy(() -> ChatTemplate.load(folder, null))
                .isInstanceOf(EngineFault.class)
                .hasMessageContaining("line 2");
    }

    @Test
    void severalTemplatesWithoutADefaultAskForAChoice() throws IOException {
        write("tokenizer_config.json", "{\"chat_template\": [{\"name\": \"a\", \"template\": \"x\"}]}");
        assertThatThrownBy(() -> ChatTemplate.load(folder, null))
                .isInstanceOf(EngineFault.class)
                .hasMessageContaining("--chat-template: a");
    }

    @Test
    void aModelWithoutATemplateSaysHowToGiveOne() {
        ChatTemplate template = ChatTemplate.load(folder, null);
        assertThat(template.isPresent()).isFalse();
        assertThatThrownBy(() -> ask(template))
                .isInstanceOf(RequestRejected.class)
                .hasMessageContaining("--chat-template")
                .satisfies(e -> assertThat(((RequestRejected) e).parameter()).isEqualTo("messages"));
    }

    @Test
    void whatATemplateRaisesIsTheWholeMessage() {
        ChatTemplate template = template("{{ raise_exception('No system role, please.') }}");
        assertThatThrownBy(() -> ask(template))
                .isInstanceOf(RequestRejected.class)
                .hasMessage("No system role, please.");
        assertThatThrownBy(() -> ask(template("{{ messages[0].x.y }}")))
                .isInstanceOf(RequestRejected.class)
                .hasMessageContaining("line 1");
    }

    @Test
    void variablesComeOverTokensButNotOverTheConversation() {
        ChatTemplate template =
                template("{{ bos_token }}{{ deep }}{{ messages | length }}{{ add_generation_prompt }}{{ documents }}");
        var prompt = new ChatPrompt(
                List.of(message("user", "Hi")),
                null,
                Map.of("bos_token", "B", "deep", true, "messages", List.of(), "add_generation_prompt", false),
                Continuation.ADD_GENERATION_PROMPT);
        assertThat(template.render(prompt)).isEqualTo("BTrue1TrueNone");
    }

    @Test
    void partsAreJoinedForTemplatesThatTakeText() {
        List<Object> parts = List.of(Map.of("type", "text", "text", "a"), Map.of("type", "text", "text", "b"));
        assertThat(template(CHATML).render(prompt(Continuation.NONE, List.of(message("user", parts)))))
                .isEqualTo("<s><|user|>a b<|end|>\n");
        assertThat(template(LISTED).render(prompt(Continuation.NONE, List.of(message("user", parts)))))
                .isEqualTo("text:a;text:b;");
    }

    @Test
    void partsThatAreNotTextAreRejectedByName() {
        List<Object> parts = List.of(Map.of("type", "image_url", "image_url", Map.of("url", "x")));
        assertThatThrownBy(() -> template(LISTED).render(prompt(Continuation.NONE, List.of(message("user", parts)))))
                .isInstanceOf(RequestRejected.class)
                .hasMessageContaining("messages[0].content[0]")
                .hasMessageContaining("image_url");
    }

    @Test
    void toolCallsReachTheTemplateAsObjectsAndWithoutNulls() {
        ChatTemplate template = template(
                "{% for m in messages %}{{ m.tool_calls | tojson }}{{ m.content }}|{{ m.name is defined }}{% endfor %}");
        Map<String, Object> message = message("assistant", null);
        message.put("name", null);
        message.put("tool_calls", List.of(Map.of("function", Map.of("arguments", "{\"a\": [1, 2.5]}"))));
        assertThat(template.render(prompt(Continuation.NONE, List.of(message))))
                .isEqualTo("[{\"function\": {\"arguments\": {\"a\": [1, 2.5]}}}]|False");
        message.put("tool_calls", List.of(Map.of("function", Map.of("arguments", "{"))));
        assertThatThrownBy(() -> template.render(prompt(Continuation.NONE, List.of(message))))
                .isInstanceOf(RequestRejected.class)
                .hasMessageContaining("messages[0].tool_calls[0].function.arguments");
    }

    @Test
    void toolsAreTriedWithoutTheirWrapperWhereTheTemplateFailsOnIt() {
        ChatTemplate template = template("{% for t in tools %}{{ t.name + ';' }}{% endfor %}");
        List<Map<String, Object>> tools = List.of(Map.of("type", "function", "function", Map.of("name", "f")));
        assertThat(template.render(new ChatPrompt(List.of(message("user", "Hi")), tools, Map.of(), Continuation.NONE)))
                .isEqualTo("f;");
    }

    @Test
    void reasoningIsKnownUnderEveryName() {
        ChatTemplate template = template("{{ messages[0].reasoning_content }}{{ messages[0].thinking }}");
        Map<String, Object> message = message("assistant", "x");
        message.put("reasoning", "r");
        assertThat(template.render(prompt(Continuation.NONE, List.of(message)))).isEqualTo("rr");
    }

    @Test
    void anAnswerThatStandsLastIsAQuestionUnlessItIsContinued() {
        Map<String, Object> user = message("user", "Hi");
        Map<String, Object> answer = message("assistant", " Once upon ");
        ChatTemplate template = template(CHATML);
        assertThat(template.render(prompt(Continuation.ADD_GENERATION_PROMPT, List.of(user, answer))))
                .isEqualTo("<s><|user|>Hi<|end|>\n<|user|> Once upon <|end|>\n<|assistant|>");
        assertThat(template.render(prompt(Continuation.NONE, List.of(user, answer))))
                .isEqualTo("<s><|user|>Hi<|end|>\n<|assistant|> Once upon <|end|>\n");
        assertThat(template.render(prompt(Continuation.CONTINUE_FINAL_MESSAGE, List.of(user, answer))))
                .isEqualTo("<s><|user|>Hi<|end|>\n<|assistant|> Once upon ");
        assertThat(template(TRIMMED).render(prompt(Continuation.CONTINUE_FINAL_MESSAGE, List.of(user, answer))))
                .isEqualTo("[user]Hi[/][assistant]Once upon");
    }

    @Test
    void whatIsNotRenderedCannotBeContinued() {
        ChatTemplate template = template("{{ messages[0].content }}");
        assertThatThrownBy(() -> template.render(prompt(
                        Continuation.CONTINUE_FINAL_MESSAGE, List.of(message("user", "a"), message("assistant", "b")))))
                .isInstanceOf(RequestRejected.class)
                .hasMessageContaining("continue");
    }

    @Test
    void aConversationOfNothingIsRejected() {
        assertThatThrownBy(() -> template(CHATML).render(prompt(Continuation.NONE, List.of())))
                .isInstanceOf(RequestRejected.class)
                .hasMessageContaining("messages");
    }
}
