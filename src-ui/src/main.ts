import { fragment } from "./boot/fragment";
import "./app.css";
import { mount } from "svelte";
import App from "./App.svelte";
import { App as AppState } from "./state/app.svelte";
import { startSettings } from "./state/settings.svelte";
import { Credentials } from "./transport/credentials";
import { DeviceIdentity } from "./transport/identity";
import { isNative, NativeTransport } from "./transport/native";
import { WebSocketTransport } from "./transport/websocket";
import { provideApp } from "./ui/context";
import { fetchScreens } from "./ui/screens";

const native = isNative();
const app = new AppState(
  native ? new NativeTransport() : new WebSocketTransport(),
  new Credentials(fragment),
  native ? Promise.resolve(null) : DeviceIdentity.load(),
);
provideApp(app);

const target = document.getElementById("app");
if (target) {
  // Words in another language arrive with one small chunk; waiting for it avoids a flash of English.
  void startSettings().finally(() => {
    app.start();
    mount(App, { target });
    fetchScreens(native);
  });
}
