/*
 * The tasks that run calls.
 */
#ifndef BRUCO_WORKER_ASYNC_TASK_H
#define BRUCO_WORKER_ASYNC_TASK_H

int task_prepare(void); /* 0, or -1 with an exception set */

/* Creates a task that runs calls, one after the other, until one of them has to wait: from then on
 * the task is that call's own. 0, or -1 with an exception set. */
int task_start(void);

#endif
