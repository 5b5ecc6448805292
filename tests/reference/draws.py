"""Golden values of the seeded draws, from the published algorithms alone (no Rust): xoshiro256++ seeded by SplitMix64
(D. Blackman, S. Vigna, https://prng.di.unimi.it), Durstenfeld's shuffle by multiply-and-shift, 24-bit uniforms.

    python tests/reference/draws.py

prints the arrays that `longhand-mnist` (src/draw.rs) and `longhand-layers` (src/init.rs) assert.
"""

M = (1 << 64) - 1


class Xoshiro256PlusPlus:
    def __init__(self, seed):
        self.s = []
        for _ in range(4):
            seed = (seed + 0x9E3779B97F4A7C15) & M
            z = seed
            z = ((z ^ (z >> 30)) * 0xBF58476D1CE4E5B9) & M
            z = ((z ^ (z >> 27)) * 0x94D049BB133111EB) & M
            self.s.append(z ^ (z >> 31))

    def next_u64(self):
        rotl = lambda x, k: ((x << k) | (x >> (64 - k))) & M
        s = self.s
        result = (rotl((s[0] + s[3]) & M, 23) + s[0]) & M
        t = (s[1] << 17) & M
        s[2] ^= s[0]
        s[3] ^= s[1]
        s[1] ^= s[2]
        s[0] ^= s[3]
        s[2] ^= t
        s[3] = rotl(s[3], 45)
        return result

    def next_u32(self):
        return self.next_u64() >> 32


def shuffled(n, seed, epoch):
    mixed = lambda v: Xoshiro256PlusPlus(v).next_u64()
    b = mixed(epoch)
    rng = Xoshiro256PlusPlus(mixed(seed) ^ (((b << 32) | (b >> 32)) & M))
    order = list(range(n))
    for i in range(n):
        j = i + ((rng.next_u64() * (n - i)) >> 64)
        order[i], order[j] = order[j], order[i]
    return order


def uniform(n, bound, seed):
    rng = Xoshiro256PlusPlus(seed)
    return [bound * ((rng.next_u32() >> 8) / (1 << 23) - 1.0) for _ in range(n)]


if __name__ == "__main__":
    for seed, epoch in [(42, 1), (42, 2), (M, 1)]:
        print(f"shuffled(10, {seed}, {epoch}) =", shuffled(10, seed, epoch))
    print("uniform(6, 0.5), seed 42 =", uniform(6, 0.5, 42))
