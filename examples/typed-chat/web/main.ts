import { StrictMode, createElement as h } from 'react';
import { createRoot } from 'react-dom/client';
import { RealtimeClient } from 'rookery/client';
import { RealtimeProvider } from 'rookery/react';
import type { ChatFrames } from '../shared/frames.js';
import { Chat } from './chat.js';

/** Asked for each attempt: put your own sign-in here. */
const fetchToken = async () => (await fetch('/token')).text();

const client = new RealtimeClient<ChatFrames>('/ws/chat', { token: fetchToken });

createRoot(document.body).render(
  h(StrictMode, undefined, h(RealtimeProvider, { client }, h(Chat, { name: 'general' }))),
);
