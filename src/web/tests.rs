//! The admin listener over a real socket.

use super::*;
use crate::ingress::tests::{Client as Caller, FakeStore, Reply as Heard, run};
use crate::store::Store;

fn ask(request: &str) -> Heard {
    let store: Arc<dyn Store> = Arc::new(FakeStore::default());
    let metrics = Arc::new(Metrics::new());
    metrics.watch_queue(Arc::clone(&store));
    let config = config::Admin { listen: SocketAddr::from(([127, 0, 0, 1], 0)), ..config::Admin::default() };
    let admin = Admin::bind(&config, Health::new(store, Some("figures".into())), metrics).unwrap();
    let addr = admin.addr();
    let (stop, stopping) = watch::channel(false);
    let serving = std::thread::spawn(move || run(admin.serve(stopping)));
    let mut caller = Caller::to(addr);
    caller.send(request);
    let heard = caller.reply();
    drop(caller);
    stop.send(true).unwrap();
    serving.join().unwrap();
    heard
}

fn get(path: &str, headers: &str) -> Heard {
    ask(&format!("GET {path} HTTP/1.1\r\nHost: mw\r\n{headers}\r\n"))
}

#[test]
fn the_figures_show_the_version_and_the_queue() {
    let heard = get("/metrics", "");
    assert_eq!(heard.status, 200);
    assert!(heard.header("content-type").unwrap().starts_with("application/openmetrics-text"));
    let version = format!(r#"mw_build_info{{version="{}"}} 1"#, env!("CARGO_PKG_VERSION"));
    for line in [version.as_str(), r#"mw_queue_events{state="dead"} 2"#, "# EOF"] {
        assert!(heard.body.lines().any(|have| have == line), "{line} is not in:\n{}", heard.body);
    }
}

#[test]
fn the_front_page_says_where_the_figures_are() {
    let heard = get("/", "");
    assert_eq!(heard.status, 200);
    assert!(heard.body.contains("richpanel-mw status"));
    assert_eq!(get("/tickets", "").status, 404);
    let heard = ask("POST / HTTP/1.1\r\nHost: mw\r\nContent-Length: 0\r\n\r\n");
    assert_eq!((heard.status, heard.header("allow")), (405, Some("GET, HEAD")));
    assert_eq!(ask("GET / HTTP/1.1\r\n\r\n").status, 400);
}

#[test]
fn probes_answer_here_too() {
    assert_eq!(get("/livez", "").body, "alive\n");
    assert_eq!(get("/readyz", "").body, "ready\n");
}

#[test]
fn from_elsewhere_everything_needs_the_metrics_token() {
    let far = "X-Forwarded-For: 192.0.2.1\r\n";
    for path in ["/", "/metrics", "/livez", "/readyz", "/nothing"] {
        assert_eq!(get(path, far).status, 401, "{path}");
    }
    let known = format!("{far}Authorization: bearer figures\r\n");
    assert_eq!(get("/metrics", &known).status, 200);
}
