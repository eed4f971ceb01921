// flags: -O2 -march=rv64gc -ffp-contract=off
// libs: -lm
// only: riscv64
// bench: 400000
// syscalls: write
//
// The sun and four planets, integrated step by step: divisions, square roots and dependent floating-point chains.
// Argument: steps (default 2000). Prints the energy before and after as bits.
#include <math.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct body {
    double position[3], velocity[3], mass;
};

enum { BODIES = 5 };
static const double YEAR = 365.24, SUN = 39.47841760435743;

// Positions in astronomical units, velocities in units a day, masses in suns.
static struct body bodies[BODIES] = {
    {{0, 0, 0}, {0, 0, 0}, 1},
    {{4.841, -1.160, -0.104}, {0.00166, 0.00770, -0.0000690}, 0.000954},
    {{8.343, 4.125, -0.4035}, {-0.00277, 0.00500, 0.0000230}, 0.000286},
    {{12.894, -15.111, -0.2233}, {0.00296, 0.00238, -0.0000297}, 0.0000437},
    {{15.380, -25.919, 0.1793}, {0.00268, 0.00163, -0.0000952}, 0.0000515},
};

static double energy(void) {
    double sum = 0;
    for (int i = 0; i < BODIES; i++) {
        const struct body *a = &bodies[i];
        double square = 0;
        for (int k = 0; k < 3; k++) square += a->velocity[k] * a->velocity[k];
        sum += 0.5 * a->mass * square;
        for (int j = i + 1; j < BODIES; j++) {
            double distance = 0;
            for (int k = 0; k < 3; k++) {
                double d = a->position[k] - bodies[j].position[k];
                distance += d * d;
            }
            sum -= a->mass * bodies[j].mass / sqrt(distance);
        }
    }
    return sum;
}

static void step(double dt) {
    for (int i = 0; i < BODIES; i++)
        for (int j = i + 1; j < BODIES; j++) {
            struct body *a = &bodies[i], *b = &bodies[j];
            double d[3], square = 0;
            for (int k = 0; k < 3; k++) {
                d[k] = a->position[k] - b->position[k];
                square += d[k] * d[k];
            }
            double pull = dt / (square * sqrt(square));
            for (int k = 0; k < 3; k++) {
                a->velocity[k] -= d[k] * b->mass * pull;
                b->velocity[k] += d[k] * a->mass * pull;
            }
        }
    for (int i = 0; i < BODIES; i++)
        for (int k = 0; k < 3; k++) bodies[i].position[k] += dt * bodies[i].velocity[k];
}

static uint64_t bits(double value) {
    uint64_t word;
    memcpy(&word, &value, 8);
    return word;
}

int main(int argc, char **argv) {
    int steps = argc > 1 ? atoi(argv[1]) : 2000;
    for (int i = 0; i < BODIES; i++) {
        bodies[i].mass *= SUN;
        for (int k = 0; k < 3; k++) {
            bodies[i].velocity[k] *= YEAR;
            if (i > 0) bodies[0].velocity[k] -= bodies[i].velocity[k] * bodies[i].mass / SUN;
        }
    }
    double before = energy();
    for (int i = 0; i < steps; i++) step(0.01);
    printf("%d steps: %016llx %016llx\n", steps, (unsigned long long)bits(before),
           (unsigned long long)bits(energy()));
    return 0;
}
