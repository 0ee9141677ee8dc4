import { byId, h, icon, sizeOf } from './dom.js'
import { toast } from './notices.js'
import { sendFile } from './server.js'

const pictures = new Set(['image/png', 'image/jpeg', 'image/gif', 'image/webp'])

/** Sending files: by the clip, by dropping, by pasting. */
export function setUpAttachments(model, thread) {
  const picker = byId('file')
  byId('attach').append(icon('attach'))
  byId('attach').addEventListener('click', () => picker.click())
  const offer = (list) => {
    const files = [...list]
    if (files.length > 0) ask(model, files, thread())
  }
  picker.addEventListener('change', () => {
    offer(picker.files)
    picker.value = ''
  })
  const pane = byId('conversation')
  pane.addEventListener('dragover', (event) => {
    if (!event.dataTransfer?.types.includes('Files')) return
    event.preventDefault()
    pane.classList.add('dropping')
  })
  pane.addEventListener('dragleave', (event) => {
    if (!pane.contains(event.relatedTarget)) pane.classList.remove('dropping')
  })
  pane.addEventListener('drop', (event) => {
    event.preventDefault()
    pane.classList.remove('dropping')
    offer(event.dataTransfer.files)
  })
  byId('input').addEventListener('paste', (event) => {
    if (event.clipboardData.files.length === 0) return
    event.preventDefault()
    offer(event.clipboardData.files)
  })
}

function ask(model, files, thread) {
  const dialog = byId('attach-dialog')
  const caption = byId('attach-caption')
  const compress = byId('attach-compress')
  const allPictures = files.every((file) => pictures.has(file.type))
  const urls = []
  compress.hidden = !allPictures
  compress.querySelector('input').checked = true
  caption.value = ''
  byId('attach-title').textContent =
    files.length === 1 ? 'Send a file' : `Send ${files.length} files`
  byId('attach-preview').replaceChildren(
    ...files.map((file) => {
      if (!pictures.has(file.type)) {
        return h(
          'div',
          { class: 'file' },
          h('span', { class: 'file-icon' }, icon('file')),
          h(
            'span',
            { class: 'file-text' },
            h('strong', {}, file.name),
            h('span', {}, sizeOf(file.size)),
          ),
        )
      }
      const url = URL.createObjectURL(file)
      urls.push(url)
      return h('img', { src: url, alt: file.name })
    }),
  )
  dialog.returnValue = ''
  dialog.onclose = () => {
    for (const url of urls) URL.revokeObjectURL(url)
    if (dialog.returnValue === 'send') {
      const asPhoto = allPictures && compress.querySelector('input').checked
      void send(model, files, {
        kind: asPhoto ? 'photo' : 'document',
        caption: caption.value,
        thread,
      })
    }
    byId('input').focus()
  }
  // Enter in the caption would press the first button, which cancels.
  caption.onkeydown = (event) => {
    if (event.key !== 'Enter') return
    event.preventDefault()
    dialog.close('send')
  }
  dialog.showModal()
  caption.focus()
}

async function send(model, files, { kind, caption, thread }) {
  const { as, chat } = model
  try {
    for (const [i, file] of files.entries()) {
      await sendFile(file, {
        as,
        chat,
        kind,
        ...(i === 0 && caption.trim() !== '' && { caption }),
        ...(thread !== undefined && { thread }),
      })
    }
  } catch (error) {
    toast(error.message, 'bad')
  }
}
