import { expect } from 'chai'
import {
  type ButtonAction,
  createCallbackCodec,
  maxButtonData,
} from '../../../core/telegram/callback.ts'
import { token } from './api-server.ts'

const codec = createCallbackCodec(token)
const presser = 8_000_000_001
const undo: ButtonAction = {
  plugin: 'worklog',
  action: 'undo',
  payload: { id: '01JDABCDEFGHJKMNPQRSTVWXYZ' },
  presser,
}

function inline(button: ButtonAction): string {
  const encoded = codec.encode(button)
  if (encoded.form !== 'inline') throw new Error('it should fit')
  return encoded.data
}

describe('button data', () => {
  it('carries an ulid within 64 bytes', () => {
    const data = inline(undo)
    expect(Buffer.byteLength(data)).to.be.at.most(maxButtonData)
    expect(codec.decode(data, presser)).to.deep.equal({
      kind: 'inline',
      plugin: 'worklog',
      action: 'undo',
      payload: undo.payload,
      boundTo: 'person',
    })
  })

  for (const payload of [undefined, null, 0, '', 'ключ: "x"', [1, 2], { a: { b: [] } }]) {
    it(`gives back the payload ${JSON.stringify(payload)}`, () => {
      const data = inline({ plugin: 'ping', action: 'go', payload })
      expect(codec.decode(data, 1)).to.deep.equal({
        kind: 'inline',
        plugin: 'ping',
        action: 'go',
        payload,
        boundTo: 'anyone',
      })
    })
  }

  it('counts bytes, not characters, and says when the payload has to be kept', () => {
    expect(codec.encode({ ...undo, payload: { id: 'ы'.repeat(20) } })).to.deep.equal({
      form: 'stored',
    })
    expect(codec.encode({ ...undo, payload: { id: 'x'.repeat(20) } }).form).to.equal('inline')
  })

  it('refers to a kept payload by its id', () => {
    const data = codec.stored('worklog', 'undo', '01JDABCDEFGHJKMNPQRSTVWXYZ')
    expect(codec.decode(data, 1)).to.deep.equal({
      kind: 'stored',
      plugin: 'worklog',
      action: 'undo',
      id: '01JDABCDEFGHJKMNPQRSTVWXYZ',
    })
  })

  it('names the button when even the id does not fit', () => {
    expect(() => codec.stored('worklog', 'a'.repeat(30), '0'.repeat(26)))
      .to.throw(/worklog:a+ needs 69 bytes/)
      .with.property('code', 'OPS_BUTTON_DATA')
  })

  it('leaves data of others alone', () => {
    for (const data of ['', 'v2:a:b:c', 'vote:1', ' v1:a:b:c']) {
      expect(codec.decode(data, 1)).to.deep.equal({ kind: 'foreign' })
    }
  })

  it('refuses what has not its shape', () => {
    for (const data of [
      'v1:',
      'v1:a',
      'v1:a:b',
      'v1:a:b:',
      'v1::b:ax',
      'v1:a:b:x123',
      'v1:a:b:s',
    ]) {
      expect(codec.decode(data, 1), data).to.deep.equal({ kind: 'invalid', reason: 'shape' })
    }
  })

  it('is refused when another person presses it', () => {
    expect(codec.decode(inline(undo), presser + 1)).to.deep.equal({
      kind: 'invalid',
      reason: 'presser',
    })
  })

  it('is refused when any one character of it is changed', () => {
    const data = inline(undo)
    for (let i = 0; i < data.length; i++) {
      for (const other of ['A', 'z', '9', ':']) {
        if (data[i] === other) continue
        const altered = data.slice(0, i) + other + data.slice(i + 1)
        const { kind } = codec.decode(altered, presser)
        expect(kind, altered).to.be.oneOf(['invalid', 'foreign'])
      }
    }
  })

  it('is refused when it is cut, lengthened or made open to anyone', () => {
    const data = inline(undo)
    const altered = [
      data.slice(0, -1),
      `${data} `,
      data.replace(':u', ':a'),
      data.replace(':undo:', ':drop:'),
      data.replace(':worklog:', ':auth:'),
    ]
    for (const one of altered) expect(codec.decode(one, presser).kind, one).to.equal('invalid')
  })

  it("does not accept another bot's buttons", () => {
    const other = createCallbackCodec('654321:BBother')
    expect(other.decode(inline(undo), presser)).to.deep.equal({
      kind: 'invalid',
      reason: 'presser',
    })
  })
})
