"""Memory of a training step by batch size, and what fits on a card: for network.py."""

import subprocess
import sys

import machine
import torch

# Of a card's memory, what is left to a process: the driver's context takes the rest.
CARDS, USABLE = (8, 16), 0.9


def measured(net, make, config, batch: int, precision: str, device: str) -> int:
    """Bytes: on a GPU the peak allocated, else what autograd keeps and 4 x weights."""
    x = torch.rand(batch, config.channels, *[config.image_size] * 2, device=device)
    y = torch.randint(config.classes, (batch,), device=device)
    step = make(net, x, y, precision)
    weights = [*net.parameters(), *net.buffers()]
    if device == "cpu":
        kept = machine.saved_bytes(step.forward, besides=[*weights, x])
        # Weights, gradients and the two moments of AdamW.
        return kept + 4 * sum(p.nbytes for p in net.parameters())
    torch.cuda.empty_cache()
    for _ in range(2):  # the moments are there from the first step on
        torch.cuda.reset_peak_memory_stats()
        step()
        torch.cuda.synchronize()
    return torch.cuda.max_memory_allocated()


def largest(sizes: dict[int, int], budget: float) -> int:
    """Images that fit, from the line through the two largest batches measured."""
    (a, low), (b, high) = sorted(sizes.items())[-2:]
    each = (high - low) / (b - a)
    return max(0, int((budget - (low - a * each)) / each))


def report(name: str, config, networks, make, options) -> None:
    """Prints MB by batch size, for each network and precision, and what fits."""
    cpu = options.device == "cpu"
    batches = [1, 2] if options.quick else [2, 4, 8] if cpu else [16, 32, 64, 128, 256]
    rows, base = [], {}
    for precision in ("float32", "bfloat16"):
        for label in networks(config, "cpu"):
            sizes = {}
            for batch in batches:
                net = networks(config, options.device)[label]
                args = net, make, config, batch, precision, options.device
                sizes[batch] = measured(*args)
            base[label, precision] = sizes[batches[-1]]
            rows.append(
                [label, precision, *(size / 1e6 for size in sizes.values())]
                + [largest(sizes, USABLE * card * 1e9) for card in CARDS]
            )
    for row in rows:
        peer = base.get(("SpikingJelly", row[1]))
        row.insert(2, peer and base[row[0], row[1]] / peer)
    header = ["", "precision", f"of SpikingJelly's, batch {batches[-1]}"]
    header += [f"batch {b}, MB" for b in batches]
    header += [f"largest batch in {card} GB" for card in CARDS]
    how = "kept for backward, and 4 x weights" if cpu else "peak of the allocator"
    print(
        f"Memory of a training step of {name}: {how}\n\n{machine.table(header, rows)}"
    )
    if cpu and not options.quick:
        print(f"Growth of a new process over two steps, batch 8\n\n{process(name)}")


def process(name: str) -> str:
    """The same from outside: growth of a process of its own, for each network."""
    rows = []
    for label in ("ours", "snnTorch", "SpikingJelly"):
        command = [sys.executable, __file__, name, label]
        done = subprocess.run(command, capture_output=True, text=True)
        if not done.returncode:
            rows.append([label, float(done.stdout) / 1e6])
    return machine.table(["", "MB"], rows)


def main(name: str, label: str) -> None:
    import network

    config = network.MODELS[name]
    net = network.networks(config, "cpu")[label]
    x, y = torch.rand(8, 3, 32, 32), torch.randint(10, (8,))
    # One image first: libraries and compiled code are loaded.
    network.Step(net, x[:2], y[:2], "float32")()
    before = machine.resident()
    machine.reset_peak()
    step = network.Step(net, x, y, "float32")
    for _ in range(2):
        step()
    print(machine.peak_resident() - before)


if __name__ == "__main__":
    main(*sys.argv[1:])
