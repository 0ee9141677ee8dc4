const base = '/playground'

/** Does something as a person. @throws {Error} with what the server says when it refuses */
export function act(action, body) {
  return ask(`${base}/${action}`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify(body),
  })
}

export function sendFile(file, fields) {
  const query = new URLSearchParams({
    name: file.name || 'file',
    mime: file.type || 'application/octet-stream',
    ...fields,
  })
  return ask(`${base}/files?${query}`, {
    method: 'POST',
    headers: { 'content-type': 'application/octet-stream' },
    body: file,
  })
}

export const getState = () => ask(`${base}/state`)

export const getCommands = async (as, chat) =>
  (await ask(`${base}/commands?${new URLSearchParams({ as, chat })}`)).commands

export const fileUrl = (id) => `${base}/files/${encodeURIComponent(id)}`

export const downloadUrl = (id, name) => `${fileUrl(id)}?${new URLSearchParams({ name })}`

/**
 * Listens to everything that happens; comes back by itself when the connection is lost.
 * @param {Record<string, (data: object) => void>} handlers by event name; also `open` and `lost`
 */
export function listen(handlers) {
  const source = new EventSource(`${base}/events`)
  source.onopen = () => handlers.open()
  source.onerror = () => handlers.lost()
  for (const [name, handle] of Object.entries(handlers)) {
    if (name === 'open' || name === 'lost') continue
    source.addEventListener(name, (event) => handle(JSON.parse(event.data)))
  }
}

async function ask(url, options) {
  const response = await fetch(url, options)
  const answer = await response.json().catch(() => ({}))
  if (!response.ok) throw new Error(answer.error?.message ?? `The server said ${response.status}`)
  return answer
}
