import { AsyncLocalStorage } from 'node:async_hooks'
import { OpsError } from '../errors.ts'

export interface GuardOptions {
  /** Lifts the time limit of the statements inside. */
  readonly unlimited?: boolean
  /** Told each statement inside before it is sent; a throw refuses it. */
  readonly inspect?: (sql: string) => void
}

interface Scope extends GuardOptions {
  open: boolean
}

/**
 * Knows whether the code that runs now was called from inside an open transaction.
 *
 * The embedded database has one connection: a query of another unit of work that is awaited inside a
 * transaction would wait for that transaction, which waits for it: for ever. PostgreSQL behaves alike when the
 * pool is used up, only later and under load. So both refuse at once.
 */
export class TransactionGuard {
  readonly #scopes = new AsyncLocalStorage<Scope>()

  /** Runs `work` as the inside of a transaction that has begun. */
  async run<T>(work: () => Promise<T>, options: GuardOptions = {}): Promise<T> {
    const scope: Scope = { ...options, open: true }
    try {
      return await this.#scopes.run(scope, work)
    } finally {
      // Timers and promises begun inside keep the scope as their context: after the end they are free to query.
      scope.open = false
    }
  }

  /** @throws OpsError OPS_TRANSACTION_NESTED if a transaction is open around the caller. */
  check(): void {
    if (this.#scopes.getStore()?.open !== true) return
    throw new OpsError(
      'OPS_TRANSACTION_NESTED',
      'A query of another unit of work was made inside an open transaction',
    )
  }

  /** @throws OpsError OPS_TRANSACTION_CALL if a transaction is open around the caller. */
  checkCall(method: string): void {
    if (this.#scopes.getStore()?.open !== true) return
    throw new OpsError('OPS_TRANSACTION_CALL', `${method} was called inside an open transaction`, {
      details: { method },
    })
  }

  /** Whether statements of the current scope may take as long as they need (migrations). */
  get unlimited(): boolean {
    const scope = this.#scopes.getStore()
    return scope?.open === true && scope.unlimited === true
  }

  /** Shows a statement of the current scope to whoever wants to see it before it is sent. */
  inspect(sql: string): void {
    const scope = this.#scopes.getStore()
    if (scope?.open === true) scope.inspect?.(sql)
  }
}
