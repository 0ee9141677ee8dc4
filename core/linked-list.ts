/** Something's place in a list, by which it is taken out again. */
export interface Link<T> {
  readonly value: T
}

interface Node<T> extends Link<T> {
  value: T
  previous: Node<T>
  next: Node<T>
}

/**
 * What is under way at the moment, in the order in which it began: for what comes and goes thousands of times a second.
 *
 * V8's Set and Map are the wrong thing for that. Each table that they outgrow, or shrink out of, keeps a pointer to the
 * one that took its place. Once one of them has become old, all later ones, with what was in them, outlive the collection
 * of young objects, and are left to the costly one of the whole heap.
 */
export class LinkedList<T> implements Iterable<T> {
  /** The end of the ring: before the first and behind the last. */
  readonly #end: Node<T>
  #size = 0

  constructor() {
    const end = { value: undefined } as Node<T>
    end.previous = end
    end.next = end
    this.#end = end
  }

  get size(): number {
    return this.#size
  }

  add(value: T): Link<T> {
    const end = this.#end
    const node: Node<T> = { value, previous: end.previous, next: end }
    end.previous.next = node
    end.previous = node
    this.#size++
    return node
  }

  /** @returns false when it was taken out before */
  remove(link: Link<T>): boolean {
    const node = link as Node<T>
    const { previous, next } = node
    if (next === node) return false
    previous.next = next
    next.previous = previous
    // what is out leads nowhere: it would keep alive what came after it
    node.previous = node
    node.next = node
    this.#size--
    return true
  }

  /** The oldest first, of what is in it now; what is taken out meanwhile is left out. */
  *links(): Generator<Link<T>> {
    const nodes: Node<T>[] = []
    for (let node = this.#end.next; node !== this.#end; node = node.next) nodes.push(node)
    for (const node of nodes) if (node.next !== node) yield node
  }

  *[Symbol.iterator](): Iterator<T> {
    for (const { value } of this.links()) yield value
  }
}
