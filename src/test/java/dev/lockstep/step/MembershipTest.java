package dev.lockstep.step;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;

import dev.lockstep.kernel.KernelChoice;
import dev.lockstep.memory.LeakCheck;
import dev.lockstep.net.NetworkShape;
import dev.lockstep.net.Parameters;
import dev.lockstep.net.RandomNet;
import dev.lockstep.step.Membership.Order;
import dev.lockstep.step.Membership.Verdict;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.function.BiConsumer;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;

/** The membership under thousands of random schedules, held against {@link MembershipModel}; and cases worth reading. */
@ExtendWith(LeakCheck.class)
class MembershipTest {
    private static final long SEED = 20_260;
    private static final int SCHEDULES = 6_000;
    private static final int SCHEDULES_WITH_BITS = 300;
    private static final int MAX_SHARDS = 33;
    private static final int MAX_MEMBERS = 9;

    /** A member, a node, and whether it counts: told of each part. */
    private interface Parts extends BiConsumer<Node, Verdict> {}

    /** Random events for some rounds; each round ends whole. */
    private static void simulate(MembershipModel model, Random random, int rounds, Parts parts, Runnable whole) {
        for (int round = 0; round < rounds; round++) {
            int quiet = random.nextInt(3) == 0 ? 0 : random.nextInt(20); // events before the round
            for (int i = 0; i < quiet; i++) {
                happen(model, random, parts);
            }
            model.begin(round);
            boolean isAbandoned = random.nextInt(20) == 0;
            for (int i = random.nextInt(60); i > 0 && !(isAbandoned && i < 5); i--) {
                happen(model, random, parts);
            }
            if (!isAbandoned) {
                deliverAll(model, random, parts);
                assertThat(model.membership.isComplete()).isTrue();
                whole.run();
            }
        }
    }

    private static void happen(MembershipModel model, Random random, Parts parts) {
        int event = random.nextInt(20);
        if (event < 1 && model.membership.size() < MAX_MEMBERS) {
            model.join();
        } else if (event < 3 && !model.joining.isEmpty()) {
            model.ready(pick(List.copyOf(model.joining), random));
        } else if (event < 4) {
            model.leave(model.anyNumber(random));
        } else if (event < 12) {
            List<Map.Entry<Integer, Node>> inTime = model.outstanding(false);
            if (!inTime.isEmpty()) {
                deliver(model, pick(inTime, random), parts);
            }
        } else {
            disturb(model, random, parts);
        }
    }

    /** Parts that must not count: twice, late, by the wrong member, of another round, of no order at all. */
    private static void disturb(MembershipModel model, Random random, Parts parts) {
        List<Map.Entry<Integer, Node>> ordered = model.outstanding(random.nextBoolean());
        Node accepted = model.accepted.isEmpty() ? null : pick(List.copyOf(model.accepted), random);
        int low = random.nextInt(model.shards);
        Node any = new Node(low, low + 1 + random.nextInt(model.shards - low));
        int member = model.anyNumber(random);
        switch (random.nextInt(4)) {
            case 0 -> parts.accept(any, model.part(member, model.round, any));
            case 1 -> {
                if (accepted != null) {
                    parts.accept(accepted, model.part(member, model.round, accepted));
                }
            }
            case 2 -> {
                if (!ordered.isEmpty()) {
                    Node node = pick(ordered, random).getValue();
                    parts.accept(node, model.part(member, model.round, node));
                }
            }
            default -> {
                if (!ordered.isEmpty()) {
                    Map.Entry<Integer, Node> order = pick(ordered, random);
                    long otherRound = model.round + (random.nextBoolean() ? 1 : -1);
                    parts.accept(order.getValue(), model.part(order.getKey(), otherRound, order.getValue()));
                }
            }
        }
    }

    private static void deliver(MembershipModel model, Map.Entry<Integer, Node> order, Parts parts) {
        Verdict verdict = model.part(order.getKey(), model.round, order.getValue());
        assertThat(verdict).isEqualTo(Verdict.ACCEPTED);
        parts.accept(order.getValue(), verdict);
    }

    /** As long as somebody is ready and delivers, a round ends: no more deliveries than shards. */
    private static void deliverAll(MembershipModel model, Random random, Parts parts) {
        if (model.ready.isEmpty()) {
            model.ready(model.joining.isEmpty() ? model.join() : model.joining.first());
        }
        for (int i = 0; i < model.shards && !model.isWhole(); i++) {
            deliver(model, pick(model.outstanding(false), random), parts);
        }
    }

    private static <T> T pick(List<T> list, Random random) {
        return list.get(random.nextInt(list.size()));
    }

    private static MembershipModel populated(int shards, Random random, String what) {
        MembershipModel model = new MembershipModel(shards, what);
        for (int i = random.nextInt(MAX_MEMBERS + 1); i > 0; i--) {
            int member = model.join();
            if (random.nextInt(3) > 0) {
                model.ready(member);
            }
        }
        return model;
    }

    @Test
    void randomSchedulesAgreeWithTheModel() {
        for (long seed = SEED; seed < SEED + SCHEDULES; seed++) {
            Random random = new Random(seed);
            MembershipModel model = populated(1 + random.nextInt(MAX_SHARDS), random, "seed " + seed);
            simulate(model, random, 1 + random.nextInt(6), (node, verdict) -> {}, () -> {});
        }
    }

    /** Random gradients of all shards, and their sums along the tree. */
    private record Gradients(List<Parameters> ofShards, ReductionTree tree) {
        static Gradients random(int shards, Random random) {
            List<Parameters> gradients = new ArrayList<>();
            for (int s = 0; s < shards; s++) {
                double magnitude = Math.pow(10, random.nextInt(8)); // so that the order of additions shows
                gradients.add(RandomNet.parameters(new NetworkShape(2, 3, 2), magnitude, random));
            }
            return new Gradients(gradients, new ReductionTree(shards, KernelChoice.AUTO.kernels()));
        }

        /** What a member sends for a node. */
        GradientPart of(Node node) {
            Map<Node, GradientPart> parts = new HashMap<>();
            for (int s = node.low(); s < node.high(); s++) {
                GradientPart part = new GradientPart(s, s + 1, ofShards.get(s).copy());
                part.set(s % 4, s % 4 == 0 ? 0 : 1.0 / (s + 1)); // every fourth shard has no row in the batch
                parts.put(new Node(s, s + 1), part);
            }
            GradientPart sum = tree.reduce(node, parts);
            parts.values().stream().filter(part -> part != sum).forEach(GradientPart::close);
            return sum;
        }

        void close() {
            ofShards.forEach(Parameters::close);
        }
    }

    @Test
    void randomSchedulesGiveTheBitsOfOneMember() {
        for (long seed = SEED; seed < SEED + SCHEDULES_WITH_BITS; seed++) {
            Random random = new Random(seed);
            String what = "seed " + seed;
            MembershipModel model = populated(1 + random.nextInt(MAX_SHARDS), random, what);
            Gradients gradients = Gradients.random(model.shards, random);
            GradientPart expected = gradients.of(new Node(0, model.shards));
            Map<Node, GradientPart> taken = new HashMap<>();
            Runnable drop = () -> {
                taken.values().forEach(GradientPart::close);
                taken.clear();
            };
            long[] roundOfTaken = {-1};
            Parts take = (node, verdict) -> {
                if (roundOfTaken[0] != model.round) {
                    drop.run();
                    roundOfTaken[0] = model.round;
                }
                if (verdict == Verdict.ACCEPTED) {
                    assertThat(taken.put(node, gradients.of(node))).as(what).isNull();
                }
            };
            simulate(model, random, 3, take, () -> {
                GradientPart sum = gradients.tree().reduce(new Node(0, model.shards), taken);
                assertThat(sum.rows()).as(what).isEqualTo(expected.rows());
                assertThat(sum.lossSum()).as(what).isEqualTo(expected.lossSum());
                if (sum.rows() > 0) {
                    RandomNet.assertSameBits(what, sum.values(), expected.values());
                }
            });
            drop.run();
            expected.close();
            gradients.close();
        }
    }

    private static Membership ofReady(int shards, int members) {
        Membership membership = new Membership(shards);
        for (int member = 0; member < members; member++) {
            membership.join(member);
            membership.ready(member);
        }
        return membership;
    }

    @Test
    void ordersAreTheFewestNodesOfWhatEachOwns() {
        assertThat(ofReady(16, 3).begin(0))
                .containsExactly(
                        new Order(0, List.of(new Node(0, 4), new Node(4, 6))),
                        new Order(1, List.of(new Node(6, 8), new Node(8, 10), new Node(10, 11))),
                        new Order(2, List.of(new Node(11, 12), new Node(12, 16))));
    }

    @Test
    void onlyWhatIsMissingOfALeaverIsOrderedAgain() {
        Membership membership = ofReady(8, 2);
        membership.begin(7);
        assertThat(membership.leave(1)).containsExactly(new Order(0, List.of(new Node(4, 8))));
        membership.join(2);
        membership.ready(2);
        assertThat(membership.part(0, 7, new Node(0, 4))).isEqualTo(Verdict.ACCEPTED);
        assertThat(membership.part(1, 7, new Node(4, 8))).isEqualTo(Verdict.NOT_ORDERED);
        assertThat(membership.leave(0)).containsExactly(new Order(2, List.of(new Node(4, 8))));
        assertThat(membership.missing()).containsExactly(Map.entry(new Node(4, 8), 2));
        assertThat(membership.part(2, 7, new Node(4, 8))).isEqualTo(Verdict.ACCEPTED);
        assertThat(membership.isComplete()).isTrue();
    }

    /** Whoever has most keeps most: here 1 gives one shard to 0, and 2 keeps what it has. */
    @Test
    void aNewcomerWithASmallNumberMovesNoMoreThanItsShare() {
        Membership membership = new Membership(5);
        List.of(0, 1, 2).forEach(membership::join);
        membership.ready(1);
        membership.ready(2);
        assertThat(membership.begin(0)).extracting(Order::nodes).hasSize(2);
        assertThat(membership.share(0).cardinality()).isEqualTo(1);
        membership.ready(0);
        assertThat(membership.begin(1))
                .filteredOn(order -> order.member() == 2)
                .extracting(Order::nodes)
                .containsExactly(List.of(new Node(3, 5)));
    }

    /** Member 1, whose own part comes by way of member 0, is ordered a leaver's directly. */
    @Test
    void aMemberThatIsCarriedBringsWhatItIsOrderedLaterItself() {
        Membership membership = ofReady(8, 4);
        membership.begin(0);
        membership.carry(List.of(new Node(2, 4)), 0);
        assertThat(membership.leave(3))
                .containsExactly(new Order(0, List.of(new Node(6, 7))), new Order(1, List.of(new Node(7, 8))));
        assertThat(membership.owes(1)).isTrue();
        assertThat(membership.part(1, 0, new Node(2, 4))).isEqualTo(Verdict.NOT_ORDERED);
        assertThat(membership.part(1, 0, new Node(7, 8))).isEqualTo(Verdict.ACCEPTED);
        assertThat(membership.owes(1)).isFalse();
        assertThat(membership.wayOf(new Node(2, 4))).isZero();
        assertThat(membership.part(0, 0, new Node(0, 4))).isEqualTo(Verdict.ACCEPTED);
        assertThat(membership.missing()).containsOnlyKeys(new Node(4, 6), new Node(6, 7));
    }

    @Test
    void moreMembersThanShardsLeavesSomeWithoutOrders() {
        Membership membership = ofReady(2, 5);
        assertThat(membership.begin(0)).extracting(Order::member).containsExactly(0, 1);
        assertThat(membership.leave(4)).isEmpty();
        assertThat(membership.leave(0)).containsExactly(new Order(2, List.of(new Node(0, 1))));
    }

    @Test
    void aRoundWithoutMembersWaitsForTheFirst() {
        Membership membership = new Membership(4);
        assertThat(membership.begin(0)).isEmpty();
        assertThat(membership.isComplete()).isFalse();
        membership.join(0);
        assertThat(membership.ready(0)).containsExactly(new Order(0, List.of(new Node(0, 4))));
        assertThat(membership.leave(0)).isEmpty();
        assertThat(membership.isComplete()).isFalse();
        membership.join(1);
        assertThat(membership.share(1).cardinality()).isEqualTo(4);
        assertThat(membership.ready(1)).containsExactly(new Order(1, List.of(new Node(0, 4))));
    }

    @Test
    void numbersAreNotUsedTwiceAndStrangersAreIgnored() {
        Membership membership = ofReady(4, 1);
        assertThatIllegalArgumentException()
                .isThrownBy(() -> membership.join(0))
                .withMessageContaining("member 0");
        assertThatIllegalArgumentException()
                .isThrownBy(() -> membership.ready(5))
                .withMessageContaining("member 5");
        assertThat(membership.leave(5)).isEmpty();
        assertThat(membership.part(5, -1, new Node(0, 4))).isEqualTo(Verdict.NOT_ORDERED);
        assertThat(membership.size()).isEqualTo(1);
    }

    private static List<Membership.Order> whole(Membership membership, long round) {
        List<Membership.Order> orders = membership.begin(round);
        for (Membership.Order order : orders) {
            for (Node node : order.nodes()) {
                assertThat(membership.part(order.member(), round, node)).isEqualTo(Membership.Verdict.ACCEPTED);
            }
        }
        assertThat(membership.isComplete()).isTrue();
        return orders;
    }

    /** Those who come one after the other take shards here and there; when nobody comes any more, all get neighbours. */
    @Test
    void membersWhoStayGetRunsOfNeighbours() {
        Membership membership = new Membership(8);
        long round = 0;
        List<Membership.Order> orders = List.of();
        for (int member = 0; member < 4; member++) {
            membership.join(member);
            membership.ready(member);
            orders = whole(membership, round++);
        }
        assertThat(orders).as("scattered").anyMatch(order -> order.nodes().size() > 1);
        for (int quiet = 1; quiet < Membership.SETTLE_ROUNDS; quiet++) {
            assertThat(whole(membership, round++)).as("quiet round %d", quiet).isEqualTo(orders);
        }
        orders = whole(membership, round++);
        assertThat(orders)
                .extracting(Membership.Order::nodes)
                .containsExactlyInAnyOrder(
                        List.of(new Node(0, 2)),
                        List.of(new Node(2, 4)),
                        List.of(new Node(4, 6)),
                        List.of(new Node(6, 8)));
        assertThat(whole(membership, round++)).as("and keep them").isSameAs(orders);
        membership.leave(2);
        assertThat(whole(membership, round)).as("until one goes").hasSize(3);
    }
}
