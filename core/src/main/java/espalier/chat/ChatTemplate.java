package espalier.chat;

import espalier.api.EngineFault;
import espalier.api.RequestRejected;
import espalier.jinja.Template;
import espalier.jinja.TemplateException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.TreeSet;
import org.jspecify.annotations.Nullable;

/**
 * What turns the conversations of one model into prompts: the template that came with it, found and called as the transformers
 * library does, fed with messages as SGLang prepares them. Safe for use by many threads at once.
 */
public final class ChatTemplate {
    private static final String TOOL_USE = "tool_use";
    private static final String DEFAULT = "default";

    /** Templates by name; one that was chosen by flag is the default and the only one. */
    private final Map<String, Compiled> templates;

    private final Map<String, String> tokens;

    private ChatTemplate(Map<String, Compiled> templates, Map<String, String> tokens) {
        this.templates = templates;
        this.tokens = tokens;
    }

    /** A template, and whether it takes the parts of a message's content or only their text. */
    private record Compiled(Template template, String source, ChatMessages.Content content) {
        static Compiled of(String source) {
            Template template = Template.compile(source);
            return new Compiled(template, source, ChatMessages.Content.of(template, source));
        }
    }

    /**
     * Finds and compiles the templates of a model.
     *
     * @param override a file with a template (.jinja, or .json with {@code chat_template}), or the name of one of the model's
     *     templates; null for the model's own choice
     * @throws EngineFault if the override names nothing, or a template does not compile
     */
    public static ChatTemplate load(Path modelFolder, @Nullable String override) {
        return load(ChatTemplateFiles.of(modelFolder), override);
    }

    static ChatTemplate load(ChatTemplateFiles files, @Nullable String override) {
        Map<String, String> sources = override == null ? files.sources() : Map.of(DEFAULT, files.chosen(override));
        Map<String, Compiled> compiled = new LinkedHashMap<>();
        sources.forEach((name, source) -> {
            // What nobody can reach need not compile.
            if (name.equals(DEFAULT) || name.equals(TOOL_USE)) {
                compiled.put(name, compile(files.folder(), override == null ? name : override, source));
            }
        });
        if (compiled.isEmpty() && !sources.isEmpty()) {
            throw new EngineFault(
                    EngineFault.Code.CHECKPOINT,
                    files.folder()
                            + ": several chat templates and none called 'default'; name one with --chat-template: "
                            + String.join(", ", new TreeSet<>(sources.keySet())));
        }
        return new ChatTemplate(compiled, files.tokens());
    }

    private static Compiled compile(Path folder, String name, String source) {
        try {
            return Compiled.of(source);
        } catch (TemplateException e) {
            throw new EngineFault(
                    EngineFault.Code.CHECKPOINT,
                    folder + ": chat template '" + name + "', line " + e.line() + ": " + e.getMessage()
                            + "; mend it, or give another with --chat-template",
                    e);
        }
    }

    /** A template given as text, with the tokens it may name ({@code bos_token} and the like). */
    public static ChatTemplate of(String source, Map<String, String> tokens) {
        return new ChatTemplate(Map.of(DEFAULT, Compiled.of(source)), Map.copyOf(tokens));
    }

    /** Whether there is a template at all; without one every conversation is rejected. */
    public boolean isPresent() {
        return !templates.isEmpty();
    }

    /**
     * The prompt for a conversation.
     *
     * @throws RequestRejected if there is no template, the template refuses the conversation, or the content is not text
     */
    public String render(ChatPrompt prompt) {
        Compiled compiled = chosen(prompt.tools() != null);
        if (prompt.messages().isEmpty()) {
            throw RequestRejected.invalid("messages", "messages is empty; give one message at least");
        }
        List<Map<String, Object>> messages =
                new ArrayList<>(ChatMessages.prepared(prompt.messages(), compiled.content, prompt.continuation()));
        return switch (prompt.continuation()) {
            case ADD_GENERATION_PROMPT, NONE -> run(compiled, prompt, messages);
            case CONTINUE_FINAL_MESSAGE ->
                FinalMessage.continued(messages, compiled.source, tagged -> run(compiled, prompt, tagged));
        };
    }

    private Compiled chosen(boolean withTools) {
        Compiled toolUse = withTools ? templates.get(TOOL_USE) : null;
        Compiled chosen = toolUse == null ? templates.get(DEFAULT) : toolUse;
        if (chosen == null) {
            throw RequestRejected.invalid(
                    "messages",
                    "this model has no chat template: start the server with --chat-template FILE.jinja, or send a plain"
                            + " prompt to /v1/completions");
        }
        return chosen;
    }

    private String run(Compiled compiled, ChatPrompt prompt, List<Map<String, Object>> messages) {
        List<Map<String, Object>> tools = prompt.tools();
        try {
            return compiled.template.render(variables(prompt, messages, tools));
        } catch (TemplateException e) {
            if (tools != null && tools.stream().anyMatch(tool -> tool.get("function") instanceof Map)) {
                return runWithFlatTools(compiled, prompt, messages, e);
            }
            throw rejected(e);
        }
    }

    /** Some templates (Mistral's among them) know tools only without the object around the function. */
    private String runWithFlatTools(
            Compiled compiled, ChatPrompt prompt, List<Map<String, Object>> messages, TemplateException first) {
        List<Map<String, Object>> flat = new ArrayList<>();
        for (Map<String, Object> tool : java.util.Objects.requireNonNull(prompt.tools())) {
            flat.add(tool.get("function") instanceof Map<?, ?> function ? ChatMessages.object(function) : tool);
        }
        try {
            return compiled.template.render(variables(prompt, messages, flat));
        } catch (TemplateException second) {
            first.addSuppressed(second);
            throw rejected(first);
        }
    }

    private static RequestRejected rejected(TemplateException e) {
        String message = switch (e.kind()) {
            case RAISED -> e.getMessage();
            case SYNTAX, FAILED, LIMIT ->
                "the chat template cannot render these messages: line " + e.line() + ": " + e.getMessage();
        };
        RequestRejected rejected = RequestRejected.invalid("messages", message);
        rejected.initCause(e);
        return rejected;
    }

    private Map<String, @Nullable Object> variables(
            ChatPrompt prompt, List<Map<String, Object>> messages, @Nullable List<Map<String, Object>> tools) {
        Map<String, @Nullable Object> variables = new HashMap<>(tokens);
        variables.put("documents", null);
        variables.putAll(prompt.variables());
        variables.put("messages", messages);
        variables.put("tools", tools);
        variables.put("add_generation_prompt", prompt.continuation() == Continuation.ADD_GENERATION_PROMPT);
        return variables;
    }
}
