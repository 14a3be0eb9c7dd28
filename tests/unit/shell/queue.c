/* Order for each peer, and nobody waits for another's commit. */
#include "shell/queue.h"
#include "wire/ensure.h"

#include <criterion/criterion.h>
#include <stdlib.h>

enum { PEERS = 3000 };

struct marked {
    struct shell_letter letter;
    uint64_t mark;
};

static struct shell_queue queue;

static void open_queue(void)
{
    shell_queue_open(&queue, PEERS);
}

static void close_queue(void)
{
    shell_queue_close(&queue);
}

static struct marked *letter_of(uint32_t order, uint64_t after, uint64_t mark)
{
    struct marked *marked = calloc(1, sizeof(*marked));
    ENSURE(marked != NULL);
    marked->letter.order = order;
    marked->letter.after = after;
    marked->mark = mark;
    return marked;
}

static void add(uint32_t order, uint64_t after, uint64_t mark)
{
    shell_queue_add(&queue, &letter_of(order, after, mark)->letter);
}

/* The mark of the next that may go; 0: none. */
static uint64_t take(void)
{
    struct marked *marked = (struct marked *)shell_queue_take(&queue);
    uint64_t mark = marked == NULL ? 0 : marked->mark;
    free(marked);
    return mark;
}

TestSuite(queue, .init = open_queue, .fini = close_queue);

Test(queue, what_waits_for_nothing_goes_at_once)
{
    add(1, 0, 10);
    add(2, 0, 20);
    add(1, 0, 11);
    cr_expect_eq(take(), 10);
    cr_expect_eq(take(), 20);
    cr_expect_eq(take(), 11);
    cr_expect_eq(take(), 0);
}

Test(queue, a_peer_does_not_wait_for_the_commit_of_another)
{
    add(1, 7, 10);
    add(2, 0, 20);
    cr_expect_eq(take(), 20, "peer 2 goes, though peer 1 came first and waits");
    cr_expect_eq(take(), 0);
    shell_queue_release(&queue, 6);
    cr_expect_eq(take(), 0);
    shell_queue_release(&queue, 7);
    cr_expect_eq(take(), 10);
}

Test(queue, a_letter_waits_behind_an_earlier_one_to_its_peer)
{
    add(1, 3, 10);
    add(1, 0, 11);
    add(1, 2, 12);
    add(1, 4, 13);
    add(1, 0, 14);
    shell_queue_release(&queue, 2);
    cr_expect_eq(take(), 0, "12 waits for 2 only, but is behind 10, which waits for 3");
    shell_queue_release(&queue, 3);
    cr_expect_eq(take(), 10);
    cr_expect_eq(take(), 11);
    cr_expect_eq(take(), 12);
    cr_expect_eq(take(), 0);
    shell_queue_release(&queue, 9);
    cr_expect_eq(take(), 13);
    cr_expect_eq(take(), 14);
}

Test(queue, once_released_nothing_is_held_any_more)
{
    add(1, 5, 10);
    shell_queue_release(&queue, 5);
    add(1, 0, 11);
    cr_expect_eq(take(), 10);
    cr_expect_eq(take(), 11);
    add(1, 4, 12);
    cr_expect_eq(take(), 12, "its ticket is past");
}

Test(queue, first_goes_before_everything_that_may_go)
{
    add(1, 0, 10);
    add(1, 2, 11);
    shell_queue_add_first(&queue, &letter_of(1, 0, 1)->letter);
    cr_expect_eq(take(), 1);
    cr_expect_eq(take(), 10);
    shell_queue_add_first(&queue, &letter_of(2, 0, 2)->letter);
    add(3, 0, 30);
    cr_expect_eq(take(), 2, "also when nothing else may go");
    cr_expect_eq(take(), 30);
}

static bool is_order(const void *context, const struct shell_letter *letter)
{
    return letter->order == *(const uint32_t *)context;
}

Test(queue, dropped_letters_are_gone_and_the_others_keep_their_order)
{
    const uint32_t one = 1;
    for (uint32_t i = 0; i < 6; i++) {
        add(1, i, 100 + i);
        add(2, i, 200 + i);
    }
    shell_queue_drop(&queue, is_order, &one);
    shell_queue_release(&queue, 100);
    for (uint32_t i = 0; i < 6; i++)
        cr_expect_eq(take(), 200 + i);
    cr_expect_eq(take(), 0);
    add(1, 0, 10);
    add(2, 0, 20);
    cr_expect_eq(take(), 10);
    cr_expect_eq(take(), 20);
}

Test(queue, more_tickets_under_way_than_it_began_with)
{
    const uint64_t tickets = 5000; /* far more than the first lists */
    for (uint64_t t = 1; t <= tickets; t++)
        add((uint32_t)(t % PEERS), t, t);
    for (uint64_t t = 1; t <= tickets; t++) {
        shell_queue_release(&queue, t);
        cr_assert_eq(take(), t);
        cr_assert_eq(take(), 0);
    }
}

/* What a straightforward queue gives: a letter may go when its own ticket and those of all earlier letters to its peer
 * are committed. */
struct model {
    uint32_t order;
    uint64_t until;
    bool gone;
};

Test(queue, any_sequence_gives_what_the_rule_says, .timeout = 60)
{
    enum { LETTERS = 4000, ORDERS = 7 };
    static struct model model[LETTERS + 1];
    uint64_t held[ORDERS] = {0}, last[ORDERS] = {0}, ticket = 1, committed = 0;
    size_t count = 0, gone = 0;
    srand(20200207);
    while (gone < LETTERS) {
        int act = rand() % 8;
        if (act == 0)
            ticket++;
        else if (act == 1 && committed < ticket)
            shell_queue_release(&queue, committed = committed + 1 + (uint64_t)rand() % (ticket - committed));
        else if (count < LETTERS) {
            uint32_t order = (uint32_t)rand() % ORDERS;
            uint64_t after = rand() % 2 ? 0 : (uint64_t)rand() % (ticket + 1);
            held[order] = after > held[order] ? after : held[order];
            model[++count] = (struct model){.order = order, .until = held[order]};
            add(order, after, count);
        } else {
            shell_queue_release(&queue, committed = ticket);
        }
        for (uint64_t mark; (mark = take()) != 0; gone++) {
            cr_assert(!model[mark].gone && model[mark].until <= committed, "letter %zu went too early or twice", mark);
            cr_assert_gt(mark, last[model[mark].order], "letter %zu overtook an earlier one to its peer", mark);
            model[mark].gone = true;
            last[model[mark].order] = mark;
        }
        for (size_t i = 1; i <= count; i++)
            cr_assert(model[i].gone || model[i].until > committed, "letter %zu waits for nothing", i);
    }
}
