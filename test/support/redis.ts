/** The Redis that tests may use; without it they use the store of one process. */
export const testRedis = process.env.TEST_REDIS_URL || undefined
