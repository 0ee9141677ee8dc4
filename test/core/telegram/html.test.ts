import { expect } from 'chai'
import {
  bold,
  code,
  escapeHtml,
  type Html,
  html,
  italic,
  link,
  plainText,
  pre,
} from '../../../core/telegram/html.ts'

const of = (value: Html) => value.toString()

describe('html', () => {
  it('escapes what is interpolated and keeps what is markup already', () => {
    const name = '<b>&"Tom"</b>'
    expect(of(html`<i>${name}</i> ${bold(name)} ${5}`)).to.equal(
      '<i>&lt;b&gt;&amp;&quot;Tom&quot;&lt;/b&gt;</i> <b>&lt;b&gt;&amp;&quot;Tom&quot;&lt;/b&gt;</b> 5',
    )
  })

  it('joins arrays and leaves nothing of null, undefined and booleans', () => {
    const lines = ['a<', [bold('b'), 3n]]
    expect(of(html`[${lines}${null}${undefined}${false}${true}]`)).to.equal('[a&lt;<b>b</b>3]')
  })

  it('is not fooled by objects that look like markup', () => {
    const fake = { toString: () => '<b>', toJSON: () => '<b>' }
    expect(() => html`${fake as unknown as Html}`).to.throw()
    expect(of(html`${String(fake)}`)).to.equal('&lt;b&gt;')
  })

  it('cannot be changed', () => {
    const value = html`x`
    expect(Object.isFrozen(value)).to.equal(true)
  })

  it('has the usual helpers', () => {
    expect(of(italic('<'))).to.equal('<i>&lt;</i>')
    expect(of(code('a & b'))).to.equal('<code>a &amp; b</code>')
    expect(of(pre('x'))).to.equal('<pre>x</pre>')
    expect(of(pre('x', 'c"'))).to.equal('<pre><code class="language-c&quot;">x</code></pre>')
  })

  it('links to web, mail, phone and Telegram addresses alone', () => {
    expect(of(link('see', 'https://x.y/?a=1&b="2"'))).to.equal(
      '<a href="https://x.y/?a=1&amp;b=%222%22">see</a>',
    )
    for (const url of ['mailto:a@b.c', 'tel:+123', 'tg://user?id=5', 'http://x/']) {
      expect(of(link('see', url))).to.match(/^<a href="/)
    }
    for (const url of ['javascript:alert(1)', 'file:///etc/passwd', 'data:,x', 'nothing', '']) {
      expect(of(link('<see>', url)), url).to.equal('&lt;see&gt;')
    }
  })

  it('whatever text goes in comes out as plain text', () => {
    const alphabet = [
      '<',
      '>',
      '&',
      '"',
      "'",
      'amp;',
      '&lt;',
      '&#60;',
      'b',
      '/',
      ' ',
      '\n',
      '💡',
      'я',
    ]
    let seed = 1
    const random = () => {
      seed = (seed * 48271) % 2147483647
      return seed / 2147483647
    }
    for (let i = 0; i < 2_000; i++) {
      const text = Array.from(
        { length: Math.floor(random() * 20) },
        () => alphabet[Math.floor(random() * alphabet.length)],
      ).join('')
      expect(plainText(html`${text}`)).to.equal(text)
      expect(plainText(html`<b>${bold(text)}</b>`)).to.equal(text)
      expect(escapeHtml(text)).to.not.match(/[<>"]/)
    }
  })

  it('plain text of broken markup is readable', () => {
    expect(plainText('<b>5 &lt; 6 & a<b and <i>x')).to.equal('5 < 6 & a<b and x')
    expect(plainText('&#128161;&#x41;&nbsp;&#0;')).to.equal('💡A&nbsp;&#0;')
  })

  it('plain text keeps addresses of links', () => {
    expect(
      plainText(html`${link('card', 'https://x/1')}, ${link('https://x/2', 'https://x/2')}`),
    ).to.equal('card (https://x/1), https://x/2')
  })
})
