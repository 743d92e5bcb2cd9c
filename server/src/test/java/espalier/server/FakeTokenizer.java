package espalier.server;

import espalier.text.Tokenizer;
import java.util.stream.Collectors;
import java.util.stream.IntStream;

/** Token n reads {@code <n>}. */
final class FakeTokenizer {
    private FakeTokenizer() {}

    static Tokenizer create() {
        String vocabulary = IntStream.range(0, FakeEngine.VOCAB)
                .mapToObj(i -> "\"<" + i + ">\":" + i)
                .collect(Collectors.joining(","));
        return Tokenizer.parse("""
                {"version":"1.0","added_tokens":[],"normalizer":null,"pre_tokenizer":null,"post_processor":null,
                 "decoder":{"type":"Fuse"},"model":{"type":"WordLevel","unk_token":"<0>","vocab":{%s}}}""".formatted(vocabulary), "fake");
    }
}
