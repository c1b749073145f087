"""Words by which a page tells what its parts are for: in names of classes, and in short texts.

Written from the names and phrases in common use on the web, most of them English or German, some
in other languages of Europe. `_` stands for the blank that parts words: a pattern with one at its
start and end is a whole word.
"""

ELEMENTS = {
    "navigation": "_nav_ _navi_ navbar navigation _menu menu_ submenu mainmenu topmenu navlink"
    " _toc_"
    " skip_link _nav_ nav_ _nav topnav subnav sitemap",
    "breadcrumb": "breadcrumb _crumb _crumbs_ breadcrumblist you_are_here brotkrumen",
    "footer": "footer _foot_ fusszeile _bottom_ colophon contentinfo pagefoot",
    "header": "header masthead _top_ topbar _branding_ _logo _head_ kopf site_title",
    "sidebar": "sidebar side_bar _side_ _aside_ _rail _right_ rightcol right_col colright"
    " _secondary_"
    " tertiary complementary marginal _sidecol",
    "comments": "comment disqus _respond_ _reply kommentar _discussion livefyre reacties _replies"
    " trackback pingback",
    "related": "related similar recommend outbrain taboola _also_ read_more readmore read_next"
    " _more_ morelink more_link yarpp jp_relatedposts verwandt weitere _further crosslink",
    "share": "share sharing _social_ social addthis facebook twitter _follow sharedaddy whatsapp"
    " pinterest bookmark linkedin shariff teilen _tweet google_plus mastodon",
    "consent": "cookie consent gdpr _privacy",
    "popup": "popup _modal_ modal_ overlay lightbox tooltip _dialog_ dropdown flyout",
    "advertising": "_ad_ _ads_ advert adsense sponsor _banner_ banner_ werbung _anzeige_ _dfp_"
    " adslot publicidad _adv_ _promoted_ affiliate adcontainer adblock",
    "promotion": "promo newsletter subscri signup sign_up donat _cta_ marketing paywall _offer"
    " abonn _upsell mailchimp _optin_ spenden",
    "author": "author byline _bio_ autor _verfasser_ about_me vcard contributor _writer",
    "date": "_date date_ _time_ _published datum timestamp _posted _updated datepublished dateline"
    " _day_ _month_ _clock_",
    "meta": "meta _info_ _infos_ _details_ postmetadata entry_info postinfo _views_ _stats",
    "tags": "_tag_ _tags_ taglist tag_list tagcloud _keyword _categor _cat_links _rubrik _topics_"
    " taxonom _labels_",
    "pager": "pager paginat _paging _prev_ _next_ previous page_nav pagenav post_nav nextprev"
    " navlinks nav_links page_links prevnext _older_ _newer_ wp_pagenavi",
    "widget": "widget _module_ plugin portlet gadget _box_ _panel_ _block_",
    "caption": "caption credit _legend_ figcaption bildunterschrift copyrightholder",
    "media": "gallery slide carousel _image _photo video player swiper _media_ _img_ _picture"
    " _bild",
    "form": "_form_ search suche _filter _login register _account_ _input_ contact _submit"
    " searchform",
    "title": "_title_ headline heading _title title_ _subtitle titel ueberschrift _kicker_",
    "teaser": "teaser excerpt _card_ _card _snippet _tile_ _promo_ thumbnail _thumb preview",
    "lead": "_lead_ _intro summary standfirst abstract _deck_ _dek_ vorspann einleitung subhead",
    "article": "article artikel _story_ _story articolo articulo _beitrag",
    "post": "_post_ _entry_ hentry blogpost _posts_ post_ _post singlepost type_post",
    "content": "_content_ _content content_ inhalt contenu contenido conteudo",
    "text": "_text_ _body_ _text text_ _copy_ paragraph richtext prose markdown wysiwyg _body"
    " _rte_ textblock _absatz",
    "main": "_main_ _main main_ _primary_ maincontent _hauptinhalt",
    "body": "entry_content entrycontent post_content postcontent article_body articlebody post_body"
    " postbody article_content articlecontent article_text articletext story_body storybody"
    " entry_body entrybody entrytext post_text posttext story_content content_body contentbody"
    " td_post_content single_content article_inner body_text bodytext mw_parser_output blogtext"
    " news_text newstext text_content _e_content_ article_main field_name_body pf_content"
    " the_content caas_body articlebodytext read_content article_paragraph",
    "unseen": "display_none visibility_hidden _linenos_ _lineno_ linenodiv",
    "hidden": "_hidden_ hidden_ _hidden sr_only screen_reader"
    " visually_hidden invisible noprint"
    " no_print _print _hide_ _hide noscript _collapsed_ offscreen _d_none_",
    "list": "_list_ _list list_ _items_ _item_ _grid_ _archive_ _feed_ _loop_",
    "latest": "_recent latest popular trending _most_ newest aktuell _top_stories meistgelesen"
    " _hot_ _news_ newslist",
    "shop": "_price _cart_ _shop _product _buy_ _basket warenkorb checkout merkliste",
    "code": "_code_ highlight syntax blockquote quote _zitat pullquote",
    "legal": "copyright _legal disclaimer license _terms_ impressum imprint datenschutz",
    "tools": "_lang_ language locale _tool _button _btn _icon _control toolbar _action",
    "notes": "reference footnote citation bibliograph _source _quelle _notes_ fussnote",
    "forum": "forum _thread _message signature _user _profile avatar member _topic_",
    "fold": "_tab_ _tabs_ accordion toggle _faq_ _collapse_ expand",
    "votes": "rating _vote _poll review score _likes_ _like_ _stars_ bewertung",
    "place": "_map_ _address_ location _geo_ _event_ calendar kalender weather wetter",
}
"""What class, id and role say of an element."""


TEXTS = {
    "says_legal": "copyright rights_reserved rechte_vorbehalten impressum datenschutz privacy_"
    " _terms_"
    " _agb_ disclaimer mentions_legales aviso_legal licen_ed_under creative_commons",
    "says_share": "_share _tweet facebook twitter whatsapp pinterest linkedin instagram _teilen_"
    " _partager_ compartir _e_mail_ _print_ _drucken_ _merken_ condividi _follow_ _folgen_"
    " telegram",
    "says_more": "read_more weiterlesen _mehr_ continue_reading lire_la_suite _leer_m learn_more"
    " see_more view_all show_more _weiter_ _details_ click_here full_story read_the_full leggi",
    "says_related": "related also_like see_also hnliche auch_interessant lire_aussi zum_thema"
    " more_from _latest_ _popular_ trending recommended most_read meistgelesen more_stories"
    " read_next also_read you_may _verwandte_ das_k_nnte more_in _siehe_auch_ external_links"
    " recent_posts neueste_ beliebt _archive",
    "says_comment": "_comment kommentar _reply_ _replies_ antworten leave_a _respon commentaire"
    " comentario reacties _trackback pingback _says_ _schrieb_ be_the_first discussion",
    "says_join": "subscri newsletter sign_up abonnieren _abo_ inscri sign_in log_in _login_"
    " anmelden"
    " register password e_mail_address your_email _account_ _join_ jetzt_bestellen donat spende",
    "says_when": "posted_on published ver_ffentlicht _updated_ aktualisiert written_by _author"
    " _autor_ posted_by geschrieben_von _min_read _uhr_ _ago_ january february _march_ _april_"
    " _june_ _july_ august september october november december januar_ februar_ m_rz_ _juni_ _juli_"
    " oktober dezember janvier f_vrier _mars_ _avril_ juillet octobre monday tuesday wednesday"
    " thursday friday saturday sunday montag dienstag mittwoch donnerstag freitag samstag sonntag",
    "says_by": "_by_ _von_ _par_ _por_ _door_",
    "says_tags": "_tags_ _tag_ _categor kategorie filed_under schlagw keyword _topics_ _themen_"
    " posted_in etiquetas _labels_ abgelegt_unter _rubrik",
    "says_pager": "previous _next_ chster_ vorherige _older_ _newer_ back_to_ _home_ zur_ck _page_"
    " _seite_ n_chste_ skip_to _zum_inhalt _nach_oben _top_ startseite _menu _men_ _navigation",
    "says_ad": "advertis _anzeige_ werbung sponsored publicidad promoted affiliate provision",
    "says_credit": "_photo _foto _image_ credit _bild_ _getty_ reuters _quelle_ _source _courtesy_"
    " illustration _cc_by photograph",
    "says_cookie": "_cookie",
    "says_script": "javascript _browser _enable_ _loading_ adblock",
    "says_media": "_video _play_ _watch_ _listen_ download _embed_ _audio_ podcast _gallery_"
    " slideshow bildergalerie",
    "says_number": "_views_ _likes_ _rating _stars_ _votes_ bewertung aufrufe _shares_ _results_"
    " _score_ _eur_ _usd_ _preis_ _price_",
    "says_about": "about_the_author about_us _about_ _ber_ contact _kontakt_ _writes_ freelance"
    " is_a_writer is_the_author biography _editor_ redaktion _journalist",
}
"""What a short text says of itself."""
