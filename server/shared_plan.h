/* shared_plan: readers whose plans are equal share one, and with it its audiences, one a group.
 *
 * Its audiences have every stream of the book that the plan wants, also those that come later.
 * Private to the fan-out. Shard's thread. */
#ifndef PRICECAST_SERVER_SHARED_PLAN_H
#define PRICECAST_SERVER_SHARED_PLAN_H

#include "server/fanout.h"
#include "server/plan.h"

struct shared_plan;

/* The plan that equals `plan` (taken on success) with one more reference; NULL without memory. */
struct shared_plan *shared_plan_get(struct fanout *fanout, struct plan *plan);

/* The last reference takes its audiences along: they must have no members. NULL is fine. */
void shared_plan_unref(struct shared_plan *shared);

const struct plan *shared_plan_plan(const struct shared_plan *shared);
struct audience *shared_plan_audience(const struct shared_plan *shared, size_t group);

/* ---- all of a fan-out ---- */

/* The book has a new stream. */
void shared_plans_offer(struct shared_plan *plans, uint32_t stream);

void shared_plans_visit(struct shared_plan *plans,
                        void (*visit)(struct audience *audience, void *ctx), void *ctx);

#endif
