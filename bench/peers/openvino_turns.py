"""OpenVINO GenAI's continuous batching pipeline, in turns with other engines.

Runs in a Python that has openvino-genai. Reads one line of JSON a turn, {"prompts": [tokens, ...], "outputs": [tokens,
...]}, runs these requests at once (random ids, greedy, end tokens ignored) and answers {"seconds": ...}.
"""
import argparse
import json
import random
import sys
import time

import numpy
import openvino
import openvino_genai


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--model", required=True)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--bf16", action="store_true", help="compute in bf16 rather than in what the pipeline chooses")
    parser.add_argument("--vocabulary", type=int, required=True)
    parser.add_argument("--step-tokens", type=int, default=512, help="most tokens in one step")
    args = parser.parse_args()

    scheduler = openvino_genai.SchedulerConfig()
    scheduler.enable_prefix_caching = False
    scheduler.cache_size = 2
    scheduler.max_num_seqs = 256
    scheduler.max_num_batched_tokens = args.step_tokens
    properties = {"INFERENCE_NUM_THREADS": args.threads, "PERFORMANCE_HINT": "LATENCY"}
    if args.bf16:
        properties["INFERENCE_PRECISION_HINT"] = "bf16"
    pipeline = openvino_genai.ContinuousBatchingPipeline(args.model, scheduler, "CPU", properties)
    source = random.Random(1)
    print(json.dumps({"ready": openvino_genai.__version__}), flush=True)

    for line in sys.stdin:
        turn = json.loads(line)
        prompts, settings = [], []
        for length, output in zip(turn["prompts"], turn["outputs"]):
            ids = [source.randrange(args.vocabulary) for _ in range(length)]
            prompts.append(openvino.Tensor(numpy.array([ids], dtype=numpy.int64)))
            setting = openvino_genai.GenerationConfig()
            setting.max_new_tokens, setting.ignore_eos, setting.do_sample = output, True, False
            setting.eos_token_id = -1
            settings.append(setting)
        begun = time.perf_counter()
        results = pipeline.generate(prompts, settings)
        seconds = time.perf_counter() - begun
        made = sum(len(result.m_generation_ids[0]) for result in results)
        print(json.dumps({"seconds": seconds, "output_tokens": made}), flush=True)


if __name__ == "__main__":
    main()
