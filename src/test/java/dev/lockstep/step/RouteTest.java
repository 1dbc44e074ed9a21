package dev.lockstep.step;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Random;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;

class RouteTest {
    private static final long SEED = 14;

    private int deepest;

    @Test
    void treesHaveEverybodyOnceInBlocksOfNeighbours() {
        for (int size : new int[] {1, 2, 3, 4, 5, 17, Route.MAX_DEPTH, Route.MAX_DEPTH + 1, 200}) {
            for (int fanIn : new int[] {1, 2, 3, 8, 300}) {
                List<Route> leaves = new ArrayList<>(IntStream.range(0, size)
                        .mapToObj(shard -> Route.direct(1000 + shard, List.of(new Node(shard, shard + 1))))
                        .toList());
                Collections.shuffle(leaves, new Random(SEED));
                deepest = 0;
                List<Integer> shards = new ArrayList<>();
                int widest = Math.max(fanIn, size > Route.MAX_DEPTH ? 2 : 1);
                walk(Route.tree(leaves, fanIn), widest, 1, shards);
                String which = size + " leaves, fan-in " + fanIn;
                assertThat(shards).as(which).containsExactlyElementsOf(range(0, size));
                assertThat(deepest).as(which).isLessThanOrEqualTo(Route.MAX_DEPTH);
                if (fanIn > 1) {
                    assertThat(Math.pow(fanIn, deepest - 1.0)).as(which).isLessThanOrEqualTo(size);
                }
            }
        }
    }

    /** Lists the shards of all, a worker's own before those of the workers below it. */
    private void walk(List<Route> routes, int widest, int depth, List<Integer> shards) {
        assertThat(routes).hasSizeLessThanOrEqualTo(widest);
        for (Route route : routes) {
            deepest = Math.max(deepest, depth);
            int first = shards.size();
            int shard = route.nodes().get(0).low();
            assertThat(route.member()).isEqualTo(1000 + shard);
            shards.add(shard);
            walk(route.below(), widest, depth + 1, shards);
            assertThat(shards.subList(first, shards.size())).containsExactlyElementsOf(range(shard, route.shards()));
        }
    }

    private static List<Integer> range(int first, int count) {
        return IntStream.range(first, first + count).boxed().toList();
    }
}
