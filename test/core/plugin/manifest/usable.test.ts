import { expect } from 'chai'
import type { Command } from '../../../../core/plugin/manifest/command.ts'
import { type Asker, isUsable } from '../../../../core/plugin/manifest/usable.ts'

const command = (given: Partial<Command> = {}): Command => ({
  kind: 'command',
  description: 'x',
  chats: 'any',
  aliases: [],
  subcommands: {},
  run: () => undefined,
  ...given,
})
const holder = (...held: string[]): Asker => ({
  isUser: true,
  can: (permission) => held.includes(permission),
  chatType: 'private',
})

describe('a command', () => {
  it('is usable by whoever holds its permission, or by all without one', () => {
    expect(isUsable(command(), holder())).to.equal(true)
    expect(isUsable(command({ permission: 'a' }), holder('a'))).to.equal(true)
    expect(isUsable(command({ permission: 'a' }), holder('b'))).to.equal(false)
  })

  it('is usable where it answers', () => {
    const inGroup = { ...holder(), chatType: 'supergroup' }
    const anywhere = { ...holder(), chatType: undefined }
    expect(isUsable(command({ chats: 'private' }), inGroup)).to.equal(false)
    expect(isUsable(command({ chats: 'group' }), inGroup)).to.equal(true)
    expect(isUsable(command({ chats: 'group' }), holder())).to.equal(false)
    expect(isUsable(command({ chats: 'private' }), anywhere)).to.equal(true)
  })

  it('is usable by whom nobody knows if it says so itself', () => {
    const stranger = { ...holder(), isUser: false }
    const open = command({ audience: 'everyone' })
    expect(isUsable(open, stranger)).to.equal(true)
    expect(isUsable(command(), stranger)).to.equal(false)
    const journal = { ...open, subcommands: { list: command() } }
    expect(isUsable(journal.subcommands.list, stranger)).to.equal(false)
  })

  it('is usable for one of its subcommands alone', () => {
    const { run: _, ...headless } = command()
    const journal = { ...headless, subcommands: { list: command({ permission: 'read' }) } }
    expect(isUsable(journal, holder('read'))).to.equal(true)
    expect(isUsable(journal, holder())).to.equal(false)
  })
})
