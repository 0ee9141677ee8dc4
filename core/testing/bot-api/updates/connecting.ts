import { buildConnector } from 'undici'

const perWindow = 10
const windowMs = 500

/** Makes connections as Telegram's server does: at most ten in half a second (WebhookActor.cpp). */
export function slowConnector(): buildConnector.connector {
  // who tests with a certificate has made it himself
  const connect = buildConnector({ rejectUnauthorized: false })
  let windowEnds = 0
  let made = 0
  return (options, callback) => {
    const now = performance.now()
    if (now >= windowEnds) {
      windowEnds = now + windowMs
      made = 0
    }
    made += 1
    const windows = Math.floor((made - 1) / perWindow)
    if (windows === 0) {
      connect(options, callback)
      return
    }
    const wait = windowEnds - now + (windows - 1) * windowMs
    setTimeout(() => connect(options, callback), wait)
  }
}
